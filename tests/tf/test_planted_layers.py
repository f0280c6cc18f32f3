"""Labels against truth: whichever layer is made slow is found, forward and backward, in every mode."""

import pytest

pytestmark = pytest.mark.tf

pytest.importorskip("tensorflow")
planted = pytest.importorskip("planted_layers")


# XLA cannot call back into Python.
@pytest.mark.parametrize(
    ("mode", "how"),
    [
        *((mode, "kernel") for mode in ("eager", "graph", "fit", "xla")),
        *((mode, "sleep") for mode in ("eager", "graph")),
    ],
)
def test_each_slow_layer_is_found_forward_and_backward(mode, how):
    runner = planted.Runner(mode, how)
    for place in planted.PLACES:
        table = runner.record(place)
        for in_pass in ("forward", "backward"):
            found, _ = planted.slowest(table, in_pass)
            assert planted.right(found, place), f"{place} {in_pass}: {found}"
        assert table.labelled > 0.95
