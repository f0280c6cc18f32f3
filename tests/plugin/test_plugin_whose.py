"""What belongs together in every mode, by layer and pass and by what does an op's work."""

import json
from types import SimpleNamespace

import builders
import pytest
import recorded_session
from plugin_client import client_of
from tensorboard_plugin_graphprof import whose
from tensorboard_plugin_graphprof.whose import Layer, Work

from graphprof import session as sessions
from graphprof.analysis.work import attribution
from graphprof.analysis.work.align import Match, Side

RECORDED = recorded_session.RECORDED
CONV = "conv/conv2d"


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whose")
    recorded_session.write(folder)
    recorded_session.write_hostile(folder, "hostile")
    return folder


@pytest.fixture(scope="module")
def ask(logdir):
    client = client_of(logdir)

    def ask(route, **query):
        response = client.get(f"/{route}", query_string=query)
        return response.status_code, json.loads(response.data)

    return ask


def uses(ask, mode, name, step=0):
    _, outline = ask("trace", session=RECORDED, mode=mode)
    steps = outline["steps"]
    window = {"start_ps": steps["start_ps"][step], "end_ps": steps["end_ps"][step], "width": 4000}
    status, found = ask("uses", session=RECORDED, mode=mode, name=name, **window)
    assert status == 200, found
    return found


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
@pytest.mark.parametrize("in_pass", ["forward", "backward"])
def test_a_layer_is_found_in_every_mode(ask, mode, in_pass):
    found = uses(ask, mode, f"layer:{CONV}|{in_pass}")
    assert found["count"] > 0
    assert found["total_ps"] > 0
    assert any("onv" in kind for kind in found["types"])
    both = uses(ask, mode, f"layer:{CONV}")
    assert both["count"] > found["count"]


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_all_layers_together_are_the_ops_of_the_table(ask, logdir, mode):
    """Over all steps: the time of the events that are lit is that of the ops' own events."""
    _, outline = ask("trace", session=RECORDED, mode=mode)
    steps = outline["steps"]
    window = {"start_ps": steps["start_ps"][0], "end_ps": steps["end_ps"][-1], "width": 16}
    run = sessions.load(logdir / RECORDED).run(mode)
    found = attribution.of_run(run)
    for label in {op.label for op in found.ops if op.label.owner}:
        rows = [place for place, op in enumerate(found.ops) if op.label == label]
        calls = int(found.calls[rows].sum())
        name = f"layer:{label.owner}|{label.in_pass}"
        _, lit = ask("uses", session=RECORDED, mode=mode, name=name, **window)
        below = [op for op in found.ops if op.label.owner.startswith(f"{label.owner}/")]
        if not below:
            # An op inside another one is lit with it.
            assert 0 < lit["count"] <= calls or (lit["count"], calls) == (0, 0)


def test_an_op_leads_to_what_does_its_work(ask):
    of_relu = f"work:eager|{CONV}|forward|Relu"
    eager, graph = (uses(ask, mode, of_relu) for mode in ("eager", "graph"))
    assert (eager["types"], eager["how"]) == (["Relu"], None)
    assert graph["how"] == "fused"
    assert len(graph["types"]) == 1
    assert "FusedConv2D" in graph["types"][0]
    assert graph["count"] == 1
    back = uses(ask, "eager", f"work:graph|{CONV}|forward|{graph['types'][0]}")
    assert {"Conv2D", "BiasAdd", "Relu"} <= set(back["types"])


def test_an_event_knows_whose_it_is(ask):
    found = uses(ask, "graph", f"layer:{CONV}|forward")
    _, outline = ask("trace", session=RECORDED, mode="graph")
    seen = set()
    for index in range(outline["events"]):
        status, answer = ask("whose", session=RECORDED, mode="graph", event=index)
        assert status == 200
        if answer["owner"] == CONV and answer["in_pass"] == "forward":
            seen.add(answer["op_type"])
        if index > 400:
            break
    assert set(found["types"]) <= seen


def test_an_event_that_is_not_there_is_not_found(ask):
    assert ask("whose", session=RECORDED, mode="graph", event=10**9)[0] == 404
    assert ask("whose", session=RECORDED, mode="fit-spe=8", event=0)[0] == 404


@pytest.mark.parametrize("text", [text for text in builders.HOSTILE if text])
def test_hostile_names_are_found_like_others(ask, text):
    escaped = text.replace("%", "%25").replace("|", "%7C")
    window = {"start_ps": 0, "end_ps": 10**12, "width": 100}
    for name in (f"layer:net/{escaped}|forward", f"work:eager|net/{escaped}|forward|{escaped}"):
        status, found = ask("uses", session="hostile", mode="eager", name=name, **window)
        assert status == 200
        assert found["count"] == 1, name
        assert found["types"] == [text]


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("layer:a/b|forward", Layer("a/b", "forward")),
        ("layer:a%7Cb", Layer("a|b", "")),
        ("work:m|a|loss|T", Work("m", "a", "loss", "T")),
        ("work:m|a", None),
        ("layer:", None),
        ("layer:a|b|c", None),
        ("op:Conv2D", None),
        ("Conv2D", None),
    ],
)
def test_queries(query, meant):
    assert whose.parse(query) == meant


def match(how, left, right):
    sides = [tuple(Side(name, 1.0, 0.001) for name in names) for names in (left, right)]
    return Match("a", "forward", how, *sides)


def test_counterparts_are_those_of_every_match():
    matches = (
        match("vanished", ["Relu"], []),
        match("fused", ["Conv2D", "Relu"], ["_FusedConv2D"]),
        match("rewritten", ["Relu"], ["max"]),
        match("appeared", [], ["copy"]),
    )
    found = SimpleNamespace(matches=matches)
    how, types = whose.counterparts(found, Work("m", "a", "forward", "Relu"))
    assert (how, types) == ("fused", {"_FusedConv2D", "max"})
    assert whose.counterparts(found, Work("m", "a", "backward", "Relu")) == (None, frozenset())
    assert whose.counterparts(None, Work("m", "a", "forward", "Relu")) == (None, frozenset())
    gone = SimpleNamespace(matches=matches[:1])
    assert whose.counterparts(gone, Work("m", "a", "forward", "Relu"))[0] == "vanished"
