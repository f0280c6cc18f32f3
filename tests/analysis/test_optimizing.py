"""The optimizer's time by layer, on a graph of two layers with momentum."""

from graphprof.analysis.work import optimizing
from graphprof.analysis.work.ops import OpRow
from graphprof.trace.graphs import Nodes
from graphprof.trace.labels import Label, Labels
from graphprof.trace.opnames import Names

NAMES = Names(
    Labels(
        scopes={
            "net/a": Label("net/a", "forward"),
            "net/b": Label("net/b", "forward"),
            "adam": Label("adam", "optimizer"),
        }
    )
)


def update(layer):
    """``variable -= rate * (momentum += gradient)``, as Keras builds it: the slot is read again."""
    return [
        (f"adam/{layer}/grow", "AssignAddVariableOp", f"slot_{layer}", f"gradient_{layer}"),
        (f"adam/{layer}/slot", "ReadVariableOp", f"slot_{layer}"),
        (f"adam/{layer}/scaled", "Mul", "adam/rate", f"adam/{layer}/slot"),
        (f"adam/{layer}/assign", "AssignSubVariableOp", f"var_{layer}", f"adam/{layer}/scaled"),
    ]


def graph():
    handles = [f"{kind}_{layer}" for kind in ("var", "slot", "gradient") for layer in "ab"]
    rows = [
        *((name, "Placeholder") for name in (*handles, "rate")),
        *((f"net/{layer}/read", "ReadVariableOp", f"var_{layer}") for layer in "ab"),
        ("adam/rate", "ReadVariableOp", "rate"),
        *update("a"),
        *update("b"),
    ]
    names = [name for name, *_ in rows]
    types = sorted({kind for _, kind, *_ in rows})
    return Nodes(
        dict.fromkeys(types, 1),
        tuple(types),
        tuple(names),
        tuple(types.index(kind) for _, kind, *_ in rows),
        tuple(tuple((names.index(one), 0) for one in reads) for _, _, *reads in rows),
    )


def row(name, wall_s, implements=()):
    times = (wall_s,) * 7
    return OpRow("Op", name, "adam", "optimizer", "direct", 1.0, *times, "Op", implements, 1.0)


def test_updates_belong_to_the_layer_of_the_variable_with_their_slots():
    rows = [row(name, 1.0) for name in graph().names if name.startswith("adam/")]
    found = {one.owner: one for one in optimizing.of_rows(rows, graph(), NAMES)}
    assert {owner: one.wall_s for owner, one in found.items()} == {
        "net/a": 4.0,
        "net/b": 4.0,
        optimizing.SHARED: 1.0,  # the learning rate
    }


def test_a_fused_update_of_several_layers_is_shared_and_one_of_a_single_layer_is_not():
    rows = [
        row("fusion.1", 2.0, ("adam/a/scaled:Mul", "adam/a/grow:AssignAddVariableOp")),
        row("fusion.2", 3.0, ("adam/a/scaled:Mul", "adam/b/scaled:Mul")),
        row("fusion.3", 4.0, ("adam/rate:ReadVariableOp", "adam/b/slot:ReadVariableOp")),
    ]
    found = {one.owner: one.wall_s for one in optimizing.of_rows(rows, graph(), NAMES)}
    assert found == {"net/a": 2.0, optimizing.SHARED: 3.0, "net/b": 4.0}


def test_what_is_not_recorded_counts_and_takes_no_time():
    (found,) = optimizing.of_rows([row("adam/a/assign", None)], graph(), NAMES)
    assert (found.owner, found.wall_s, found.calls) == ("net/a", None, 1.0)


def test_without_a_graph_it_cannot_be_told():
    assert optimizing.of_rows([row("", 1.0)], None, NAMES) is None
