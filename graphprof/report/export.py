"""The tables of a session for other programs: every row, in SI units, with nothing rounded.

A column's name ends with its unit (``step_time_s``); what was not measured is an empty cell. The
columns are documented in ``docs/export.md``.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

from graphprof.analysis.timing import steps as step_analysis
from graphprof.analysis.work import attribution, breakdown, difference, layers, ops
from graphprof.analysis.work.attribution import Attribution
from graphprof.analysis.work.difference import By
from graphprof.errors import GraphprofError, SessionError, UsageError
from graphprof.report import memory_export, program
from graphprof.session import RunFolder, Session
from graphprof.trace.kinds import KIND_IDS

PS = 1e-12

# A spreadsheet takes a text that begins so for a formula, and names in traces are anybody's.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass
class Table:
    """Rows under named columns.

    Attributes:
        columns: their names.
        rows: one tuple a row; None is not measured.
        problems: modes that are missing from it, and why, one sentence each.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Kind:
    """A table that can be exported: how it is made, and what it holds."""

    make: Callable[[Session, By], Table]
    holds: str


def table(session: Session, what: str, by: By = "layer") -> Table:
    """Make a table of a session.

    Args:
        session: the session.
        what: one of ``TABLES``.
        by: what differences are divided by.

    Raises:
        UsageError: a watched program has no such tables.
        SessionError: the session has nothing to fill it with.
    """
    if program.is_program(session):
        raise UsageError(
            f"Session {session.info.id} is of a watched program, which has no modes to export",
            f"Take its report as data: graphprof report {session.path} --json",
        )
    made = TABLES[what].make(session, by)
    if not made.rows:
        why = made.problems[0].rstrip(".") if made.problems else "no mode of it has what is needed"
        raise SessionError(
            f"Session {session.info.id} has no {what} to export: {why}",
            "See what it has: graphprof report",
        )
    return made


def to_csv(of: Table) -> str:
    """A table as CSV (RFC 4180, with ``\\n`` at the ends of lines)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(of.columns)
    writer.writerows([_cell(value) for value in row] for row in of.rows)
    return text.getvalue()


def to_parquet(of: Table) -> bytes:
    """A table as a Parquet file.

    Raises:
        UsageError: pyarrow is not installed.
    """
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed",
            "Install it (pip install pyarrow) or write --format csv",
        ) from None
    columns = zip(*of.rows, strict=True)
    content = arrow.table(
        {name: list(values) for name, values in zip(of.columns, columns, strict=True)}
    )
    file = arrow.BufferOutputStream()
    parquet.write_table(content, file)
    return bytes(file.getvalue().to_pybytes())


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _steps(session: Session, by: By) -> Table:  # noqa: ARG001
    found = step_analysis.columns(session)
    made = Table(("mode", "process", "wave", "arm", "block", "round", "part", "step_time_s"))
    for row in range(len(found.seconds)):
        block, round_ = int(found.block[row]), int(found.round[row])
        made.rows.append(
            (
                found.modes[found.mode[row]],
                int(found.process[row]),
                int(found.wave[row]),
                "aa" if found.aa[row] else "mode",
                None if block < 0 else block,
                None if round_ < 0 else round_,
                step_analysis.PARTS[found.part[row]],
                float(found.seconds[row]),
            )
        )
    return made


def _breakdown(session: Session, by: By) -> Table:  # noqa: ARG001
    kinds = tuple(f"{kind}_s" for kind in KIND_IDS)
    beside = ("op_busy_s", "op_wall_s", "background_input_s")
    made = Table(
        ("mode", "step_num", "steps_in_call", "exact", "start_s", "step_time_s", *kinds, *beside)
    )
    for folder in session.runs:
        if folder.xplane is None:
            continue
        try:
            divided = breakdown.read(folder.xplane)
        except GraphprofError as error:
            made.problems.append(f"{folder.run.mode}: {error}")
            continue
        for row in range(len(divided)):
            times = (
                divided.start_ps[row],
                divided.wall_ps[row],
                *divided.parts_ps[row],
                divided.op_busy_ps[row],
                divided.op_wall_ps[row],
                divided.background_ps[row],
            )
            made.rows.append(
                (
                    folder.run.mode,
                    int(divided.step_nums[row]),
                    int(divided.steps[row]),
                    bool(divided.exact[row]),
                    *(int(time) * PS for time in times),
                )
            )
    return made


def _ops(session: Session, by: By) -> Table:  # noqa: ARG001
    rates = ("flops_per_s", "bytes_per_s")
    names = tuple(one.name for one in dataclasses.fields(ops.OpRow))
    made = Table(("mode", *(_RENAMED.get(name, name) for name in names), *rates))
    for mode, found in _attributed(session, made):
        made.rows += [
            (mode, *(_plain(getattr(row, name)) for name in (*names, *rates)))
            for row in ops.table(found)
        ]
    return made


def _layers(session: Session, by: By) -> Table:  # noqa: ARG001
    kinds = tuple(f"{kind}_s" for kind in KIND_IDS)
    made = Table(("mode", "owner", "pass", "wall_s", "share", "op_time_s", "busy_s", *kinds))
    for mode, found in _attributed(session, made):
        for row in layers.table(found).rows:
            times = (row.kinds.get(kind, 0.0) for kind in KIND_IDS)
            own = (row.wall_s, row.share, row.op_s, row.busy_s)
            made.rows.append((mode, row.owner, row.in_pass, *own, *times))
    return made


def _difference(session: Session, by: By) -> Table:
    names = tuple(one.name for one in dataclasses.fields(difference.Part))
    made = Table(("baseline", "mode", *(_RENAMED.get(name, name) for name in names)))
    found = dict(_attributed(session, made))
    baseline = session.info.baseline
    if baseline not in found:
        made.problems.insert(0, f"its baseline {baseline} has no trace to compare with")
        return made
    for mode, other in found.items():
        if mode == baseline:
            continue
        divided = difference.between((baseline, found[baseline]), (mode, other), by)
        made.rows += [
            (baseline, mode, *(getattr(part, name) for name in names)) for part in divided.parts
        ]
    return made


def _memory(session: Session, by: By) -> Table:  # noqa: ARG001
    return Table(memory_export.ALIVE, *memory_export.alive(session))


def _resident(session: Session, by: By) -> Table:  # noqa: ARG001
    return Table(memory_export.RESIDENT, *memory_export.resident(session))


def _attributed(session: Session, made: Table) -> Iterator[tuple[str, Attribution]]:
    """Whose the time of each traced mode is; what cannot be read is said in the table."""
    for folder in session.runs:
        found = _read(folder, made)
        if found is not None:
            yield folder.run.mode, found


def _read(folder: RunFolder, made: Table) -> Attribution | None:
    try:
        return attribution.of_run(folder)
    except GraphprofError as error:
        made.problems.append(f"{folder.run.mode}: {error}")
        return None


def _plain(value: Any) -> Any:
    """A list of texts as one."""
    return " ".join(value) if isinstance(value, tuple) else value


_RENAMED = {"in_pass": "pass"}

TABLES: dict[str, Kind] = {
    "steps": Kind(_steps, "every timed call of every process, without the profiler"),
    "breakdown": Kind(_breakdown, "every traced step, divided into kinds of time that sum to it"),
    "layers": Kind(_layers, "the mean traced step of each mode by layer and pass"),
    "ops": Kind(_ops, "the mean traced step of each mode by op"),
    "difference": Kind(
        _difference, "the gap of each mode to the baseline, in parts that sum to it"
    ),
    "memory": Kind(_memory, "what each mode's step holds at its peak, by layer and pass"),
    "resident": Kind(_resident, "the resident set of every process, stage by stage"),
}

BYS: tuple[By, ...] = get_args(By)
