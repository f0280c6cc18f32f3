"""The gap between two modes: every division of it sums to it, and the culprit comes first."""

import builders
import pytest
from conv_recording import MODES, attributed

from graphprof.analysis.work import attribution, difference
from graphprof.analysis.work.difference import BYS, Difference, Part
from graphprof.trace.labels import Label, Labels, LayerInfo


@pytest.mark.parametrize("by", BYS)
@pytest.mark.parametrize(("one", "other"), difference.pairs(MODES))
def test_parts_sum_to_the_gap(one, other, by):
    found = difference.between((one, attributed(one)), (other, attributed(other)), by)
    assert found.gap_s == found.mode_s - found.baseline_s
    assert sum(part.gap_s for part in found.parts) == pytest.approx(found.gap_s, rel=1e-9)
    assert sum(part.baseline_s for part in found.parts) == pytest.approx(found.baseline_s, rel=1e-9)
    assert sum(part.mode_s for part in found.parts) == pytest.approx(found.mode_s, rel=1e-9)


def test_the_backward_pass_of_max_pooling_is_why_xla_is_slower():
    found = difference.between(("graph", attributed("graph")), ("xla", attributed("xla")))
    first = found.parts[0]
    assert (first.owner, first.in_pass) == ("conv/max_pooling2d", "backward")
    assert first.mode_s > 5 * first.baseline_s
    assert found.sentence().startswith("A traced step of xla takes ")
    assert "longer than one of graph: max_pooling2d backward +" in found.sentence()
    assert "slower than graph: max_pooling2d backward +" in found.sentence(1.5)


def test_the_other_way_round_signs_turn():
    there = difference.between(("graph", attributed("graph")), ("xla", attributed("xla")))
    back = difference.between(("xla", attributed("xla")), ("graph", attributed("graph")))
    gaps = {(part.owner, part.in_pass, part.kind): part.gap_s for part in there.parts}
    assert {(part.owner, part.in_pass, part.kind): -part.gap_s for part in back.parts} == gaps


def part(owner, gap_s, in_pass="forward", kind=""):
    return Part(kind, owner, in_pass, "", 0.0, gap_s, gap_s, 0.0, 0.0)


def test_a_sentence_names_what_explains_most():
    parts = (part("net/a", 0.006, "backward"), part("net/b", 0.003), part("net/c", -0.001))
    found = Difference("graph", "xla", "layer", 0.016, 0.024, 0.008, parts, "net/")
    assert (
        found.sentence()
        == "A traced step of xla takes 8.00 ms longer than one of graph: a backward +6.00 ms, b forward +3.00 ms of +8.00 ms."
    )
    assert found.sentence(1.4).startswith("xla is 1.40x slower")


def test_a_sentence_does_not_name_what_works_against_the_gap():
    parts = (part("a", 0.005), part("b", -0.013))
    found = Difference("eager", "graph", "layer", 0.016, 0.008, -0.008, parts)
    assert (
        found.sentence(0.5) == "graph is 2.00x faster than eager: b forward -13.0 ms of -8.00 ms."
    )


def test_a_sentence_claims_nothing_where_nothing_differs():
    found = Difference("graph", "fit", "layer", 0.0100, 0.0101, 0.0001, (part("a", 0.0001),))
    assert found.sentence() == "fit takes as long as graph: 10.1 ms and 10.0 ms a traced step."


def test_a_sentence_says_when_the_traces_contradict_it():
    found = Difference("graph", "xla", "layer", 0.010, 0.012, 0.002, (part("a", 0.002),))
    assert "but not in the traced steps" in found.sentence(0.8)


def attribute(tmp_path, lines, known):
    trace = builders.read(tmp_path, builders.trace({"python": lines}))
    return attribution.attribute(trace, known)


def eager(*scopes):
    events = [("train", 0, 100, {"_r": 1, "step_num": 0})]
    return [*events, *((f"layer: {name}", start, length) for name, start, length in scopes)]


@pytest.mark.parametrize("container", [False, True])
def test_a_part_that_one_mode_cannot_tell_apart_is_merged_but_a_models_part_never(
    tmp_path, container
):
    layers = (LayerInfo("net", "Model", True), LayerInfo("net/lstm", "LSTM", container))
    known = Labels(layers=layers, scopes={"net": Label("net", "forward")})
    fine = attribute(tmp_path, eager(("net/lstm", 10, 50), ("net/lstm/cell", 20, 20)), known)
    coarse = attribute(tmp_path, eager(("net/lstm", 10, 60)), known)
    found = difference.between(("one", fine), ("other", coarse))
    gaps = {part.owner: round(part.gap_s * 1e6) for part in found.parts if part.owner}
    assert gaps == ({"net/lstm": 30, "net/lstm/cell": -20} if container else {"net/lstm": 10})
