"""Memory in the report: the sentence, the table, and what is said where nothing is known."""

import json
from dataclasses import replace

import builders
import pytest
import recorded_session
from rich.console import Console

from graphprof import session, units
from graphprof.report import answer, derive, memory, memory_cells, text
from graphprof.report.document import to_json
from graphprof.report.memory import Alive, DeviceUse, ModeMemory, ResidentSet
from graphprof.session import graphprof_folder
from graphprof.trace.memory_file import MEMORY_FILE

MIB = 1 << 20


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return derive.report(session.load(recorded_session.write(tmp_path_factory.mktemp("conv"))))


def of(report, mode):
    return next(one.memory for one in report.modes if one.mode == mode)


def test_the_sentence_names_who_holds_most(report):
    found = of(report, "xla")
    graph = of(report, "graph")
    ratio = found.needed_bytes / graph.needed_bytes
    assert found.sentence.startswith(
        f"A step of xla needs {units.ratio(ratio, 2)} the memory of graph: "
        f"{units.size(found.needed_bytes)} against {units.size(graph.needed_bytes)}; "
        f"max_pooling2d backward holds {units.size(found.alive[0].bytes)} of it"
    )
    assert "(without tensors below 256 KiB in graph)" in found.sentence
    assert found.sentence.endswith(
        "The process of xla takes 170 MiB more, 170 MiB of it since the first call, which builds and compiles."
    )
    assert graph.sentence is None


def test_shares_sum_to_one(report):
    for mode in ("eager", "graph", "xla"):
        rows = of(report, mode).alive
        assert sum(row.share for row in rows) == pytest.approx(1)
        assert [row.bytes for row in rows] == sorted((row.bytes for row in rows), reverse=True)


def test_the_json_has_it_all(report):
    modes = {mode["mode"]: mode["memory"] for mode in json.loads(to_json(report))["modes"]}
    assert modes["xla"]["plan"]["temporary_bytes"] == of(report, "xla").plan.temporary_bytes
    assert modes["xla"]["weights_bytes"] == 4608
    for mode in ("eager", "graph", "xla"):
        assert sum(modes[mode]["by_pass"].values()) == modes[mode]["needed_bytes"]
        assert list(modes[mode]["by_pass"])[:2] == ["forward", "backward"]
    assert modes["eager"]["rss"]["growth"]["grows"]
    assert not modes["graph"]["rss"]["growth"]["grows"]
    untraced = modes["fit-spe=8"]
    assert (untraced["step_bytes"], untraced["rss"], untraced["alive"]) == (None, None, [])
    assert untraced["why_not"] == "It was not traced."


def test_the_table_is_in_the_full_report_only(report):
    full = answer.to_markdown(report, full=True)
    brief = answer.to_markdown(report)
    assert "max_pooling2d backward" in full.partition("A step needs")[2]
    assert "A step needs" not in brief
    console = Console(width=120, record=True)
    text.render(report, console, full=True)
    printed = console.export_text()
    assert "XLA's temporaries" in printed
    assert of(report, "xla").sentence[:40] in printed


def test_the_table_has_a_column_a_mode_that_is_known(report):
    cells = memory_cells.table(report)
    assert cells.header == ("Part", "eager", "graph", "xla")
    rows = {row[0]: row[1:] for row in cells.rows}
    assert rows["XLA's temporaries"][:2] == (units.NOT_MEASURED,) * 2
    assert rows["Process: first call"] == ("650 MiB", "680 MiB", "850 MiB")
    assert rows["Weights"] == ("4.50 KiB",) * 3


def test_nothing_known_is_no_table(tmp_path):
    path = builders.session(tmp_path, modes=("graph",), traces=False, rounds=1)
    assert memory_cells.table(derive.report(session.load(path))) is None


def test_a_damaged_record_costs_only_the_memory(tmp_path):
    path = builders.session(tmp_path, modes=("eager", "graph"), rounds=2)
    (graphprof_folder(path / "graph") / MEMORY_FILE).write_text("{")
    found = derive.report(session.load(path))
    assert "memory.json" in of(found, "graph").problem
    assert of(found, "eager").problem is None
    assert found.modes[1].step_time_s.median is not None


def known(needed, *rows, counts_from=0, block=None):
    rss = None if block is None else ResidentSet({"block": block}, block, None, None)
    return ModeMemory(
        needed_bytes=needed, alive=rows, counts_from_bytes=counts_from, rss=rss, source="allocator"
    )


ROW = Alive("net/dense", "forward", 3 * MIB, 0.75, 2, "MatMul", 2 * MIB, "[2]")


@pytest.mark.parametrize(
    ("mode", "base", "said"),
    [
        (
            known(4 * MIB, ROW),
            known(2 * MIB),
            (
                "A step of xla needs 2.0x the memory of graph: 4.00 MiB against 2.00 MiB; dense forward "
                "holds 3.00 MiB of it."
            ),
        ),
        (
            known(MIB),
            known(4 * MIB),
            "A step of xla needs 25.0 % of the memory of graph: 1.00 MiB against 4.00 MiB.",
        ),
        (
            known(100, counts_from=1024),
            known(105, counts_from=1024),
            (
                "Steps of xla and graph need about the same memory: 100 B against 105 B "
                "(without tensors below 1.00 KiB in xla and graph)."
            ),
        ),
        (known(None), known(5), None),
        (known(5), known(None), None),
        (
            known(None, block=90 * MIB),
            known(None, block=50 * MIB),
            "The process of xla takes 40.0 MiB more.",
        ),
        (
            known(None, block=50 * MIB),
            known(None, block=90 * MIB),
            "The process of xla takes 40.0 MiB less.",
        ),
        (known(None, block=50 * MIB), known(None, block=51 * MIB), None),
    ],
)
def test_sentences(mode, base, said):
    assert memory.sentence("xla", mode, "graph", base, "net/") == said


def test_a_device_of_its_own_has_a_row(report):
    uses = tuple(DeviceUse(name, 0, 5 * MIB, 0, since_start=False) for name in ("CPU:0", "GPU:0"))
    modes = tuple(
        replace(mode, memory=replace(mode.memory, devices=uses if mode.mode == "graph" else ()))
        for mode in report.modes
    )
    rows = {row[0]: row[1:] for row in memory_cells.table(replace(report, modes=modes)).rows}
    assert rows["GPU:0: peak"] == (units.NOT_MEASURED, "5.00 MiB", units.NOT_MEASURED)
    assert "CPU:0: peak" not in rows


def test_a_large_gap_is_told_at_first_sight(report):
    assert memory_cells.sentences(report, full=False) == []
    told = [of(report, mode).sentence for mode in ("eager", "xla")]
    assert memory_cells.sentences(report, full=True) == told
    large = replace(of(report, "xla"), needed_bytes=300 * MIB)
    modes = tuple(
        replace(mode, memory=large if mode.mode == "xla" else mode.memory) for mode in report.modes
    )
    changed = replace(report, modes=modes)
    assert memory_cells.sentences(changed, full=False) == [large.sentence]
    assert large.sentence in answer.to_markdown(changed).replace("\\", "")
