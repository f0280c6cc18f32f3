"""Looking at what was drawn: screenshots as arrays of colours."""

import io
import re

import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.sync_api import Locator

Picture = npt.NDArray[np.int16]


def picture(locator: Locator) -> Picture:
    """A screenshot of an element: shape (height, width, 3)."""
    image = Image.open(io.BytesIO(locator.screenshot())).convert("RGB")
    return np.asarray(image, np.int16)


def color(locator: Locator, name: str) -> tuple[int, int, int]:
    """A custom property of the page, as red, green, blue."""
    text = locator.page.evaluate(
        "name => getComputedStyle(document.documentElement).getPropertyValue(name)", name
    )
    match = re.fullmatch(r"#(..)(..)(..)", text.strip())
    assert match, (name, text)
    red, green, blue = (int(part, 16) for part in match.groups())
    return red, green, blue


def count(pixels: Picture, wanted: tuple[int, int, int], slack: int = 6) -> int:
    """How many pixels have a colour."""
    return int((np.abs(pixels - np.array(wanted)).max(axis=-1) <= slack).sum())
