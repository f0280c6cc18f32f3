"""The kinds' colours can be told apart: in light and dark, and with the common colour blindnesses.

Distances are Euclidean in OKLab (Ottosson 2020); colour blindness is simulated on linear RGB with the
matrices of Machado, Oliveira and Fernandes (2009) at full severity.
"""

import itertools
import re

import numpy as np
import pytest
from tensorboard_plugin_graphprof.assets import STATIC

from graphprof.trace.kinds import KIND_IDS

SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
LEAST = {"normal": 0.095, "protanopia": 0.065, "deuteranopia": 0.065, "tritanopia": 0.045}


def linear(text: str) -> np.ndarray:
    channels = np.array([int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def oklab(rgb: np.ndarray) -> np.ndarray:
    to_lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return np.cbrt(np.clip(rgb, 0, 1) @ to_lms.T) @ to_lab.T


def sheets() -> dict[str, dict[str, str]]:
    blocks = re.findall(r":root(\S*) \{(.*?)\n\}", (STATIC / "style.css").read_text(), re.S)
    names = {"": "light", '[data-theme="dark"]': "dark"}
    found: dict[str, dict[str, str]] = {"light": {}, "dark": {}}
    for selector, body in blocks:
        if selector in names:
            found[names[selector]].update(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", body))
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_kinds_can_be_told_apart(theme, sight):
    colors = sheets()[theme]
    seen = {kind: oklab(linear(colors[f"kind-{kind}"]) @ SIGHT[sight].T) for kind in KIND_IDS}
    for one, other in itertools.combinations(KIND_IDS, 2):
        distance = float(np.linalg.norm(seen[one] - seen[other]))
        assert distance >= LEAST[sight], (one, other, distance)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ink", ["ink", "soft", "faint", "accent", "good", "bad", "warn"])
@pytest.mark.parametrize("paper", ["paper", "raised"])
def test_text_has_enough_contrast(theme, ink, paper):
    colors = sheets()[theme]
    luminance = [float(linear(colors[name]) @ [0.2126, 0.7152, 0.0722]) for name in (ink, paper)]
    contrast = (max(luminance) + 0.05) / (min(luminance) + 0.05)
    assert contrast >= 4.5, contrast


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_kind_has_its_colour_and_its_text(theme):
    colors = sheets()[theme]
    text = (STATIC / "style.css").read_text()
    for kind in (*KIND_IDS, "waiting", "background"):
        assert f"kind-{kind}" in colors
        assert re.search(rf"^\.kind-{kind} {{ --swatch: var\(--kind-{kind}\); --on: ", text, re.M)
