"""Python's number formatter and the browser's are held to one file; this is Python's half."""

import json
from pathlib import Path

import pytest

from graphprof import units

CASES = json.loads((Path(__file__).parents[1] / "golden" / "units.json").read_text("utf-8"))


@pytest.mark.parametrize("function", sorted({case["function"] for case in CASES}))
def test_as_in_the_browser(function):
    for case in CASES:
        if case["function"] == function:
            digits = {"digits": case["digits"]} if "digits" in case else {}
            assert getattr(units, function)(case["value"], **digits) == case["text"], case
