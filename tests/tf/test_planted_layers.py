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
        # Another program may hold up an innocent layer; not the same one again and again.
        wrong = []
        for _ in range(3):
            table = runner.record(place)
            assert table.labelled > 0.95
            found = {side: planted.slowest(table, side)[0] for side in ("forward", "backward")}
            if all(planted.right(layer, place) for layer in found.values()):
                break
            wrong.append(found)
        else:
            pytest.fail(f"{place}: {wrong}")
