"""The report of one watched program: the JSON of ``graphprof exec``, and what its text shows.

It shares the keys of the report of a comparison (``docs/report-schema.md``): ``schema``, ``session``,
``phase``, ``workload``, ``environment``, ``baseline``, ``modes``, ``findings``; and adds ``program``:
how it ran, where its main thread's time went, what was and what could not be seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from graphprof import trials
from graphprof.analysis.findings import registry
from graphprof.analysis.findings.base import Finding
from graphprof.analysis.findings.edits import registry as edits
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.programs import recording as recordings
from graphprof.analysis.programs import traced as windows
from graphprof.analysis.programs.recording import Recording, Span
from graphprof.errors import TraceError
from graphprof.report import program_compiling, replays
from graphprof.report.program_compiling import ProgramCompiling
from graphprof.report.replays import Replay
from graphprof.session import PROGRAM_RUN, Session, graphprof_folder
from graphprof.trace import xspace

SCHEMA = "graphprof.report/1"


@dataclass(frozen=True)
class Share:
    """One exclusive part of the program's main thread."""

    part: str
    seconds: float
    share: float


@dataclass(frozen=True)
class Program:
    """How the program ran and what was seen of it.

    Attributes:
        target: the script or module.
        arguments: its arguments.
        exit_code: how it ended; negative for a signal, None when it was cut off.
        wall_s: seconds from the start of the watch to the end of the program.
        imports_s: of that, importing TensorFlow and Keras.
        work_s: its main work: what the expected gains are ratios of.
        watch_s: what recording the trace windows added.
        division: where the main thread's time went, the largest part first; sums to ``wall_s``.
        seen: what was recognised, one phrase each.
        not_seen: what could not be seen, one sentence each.
        notes: what else a reader must know.
        compile: what building and compiling cost it; None where nothing was recorded.
        replay: its work measured in other modes, or why not; None when none was asked for.
    """

    target: str
    arguments: tuple[str, ...]
    exit_code: int | None
    wall_s: float | None
    imports_s: float | None
    work_s: float | None
    watch_s: float | None
    division: tuple[Share, ...]
    seen: tuple[str, ...]
    not_seen: tuple[str, ...]
    notes: tuple[str, ...]
    replay: Replay | None = None
    compile: ProgramCompiling | None = None


@dataclass(frozen=True)
class ProgramReport:
    """The whole report."""

    schema: str
    session: dict[str, Any]
    phase: str | None
    workload: dict[str, Any]
    environment: dict[str, Any]
    baseline: None
    verdict: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    aa: None
    modes: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...]
    program: Program


_PARTS = {
    "import": "importing TensorFlow and Keras",
    "profiler": "recording the trace windows",
    "build": "building graphs",
    "optimizer": "building graphs",
    "run": "running built functions",
    "call": "calling tf.functions (Python side)",
    "call_eagerly": "tf.functions run eagerly",
    "keras": "Keras around steps",
    "gap": "Keras around steps",
    "step": "Keras around steps",
    "first_step": "Keras around steps",
    "callback": "callbacks",
    "metric": "metrics",
    "update": "optimizer outside graphs",
    "compile": "compile()",
    "next": "waiting for batches",
    "first_next": "waiting for batches",
    "iterator": "making iterators",
    "dataset": "making datasets",
}


def build(run_folder: Path, session: dict[str, Any], exit_code: int | None) -> ProgramReport:
    """The report of the program recorded in ``run_folder``.

    Args:
        run_folder: the session's ``exec`` folder.
        session: id, path, created, status, target and arguments.
        exit_code: how the program ended.
    """
    path = graphprof_folder(run_folder) / recordings.WATCH_FILE
    if not path.is_file():
        return _blank(session, exit_code)
    recording = recordings.read(path)
    traced, problems = _traced(run_folder, recording)
    evidence = Evidence(recording, traced)
    uses_tensorflow = recording.imports_end_s > 0
    findings = registry.find(evidence) if uses_tensorflow else ()
    findings = edits.attach(findings, evidence, trials.latest(Path(session["path"])))
    program = Program(
        target=session["target"],
        arguments=tuple(session.get("arguments", ())),
        exit_code=exit_code,
        wall_s=recording.ended_s,
        imports_s=recording.imports_s,
        work_s=recording.work_s if uses_tensorflow else None,
        watch_s=recording.price_s,
        division=_division(recording),
        seen=_seen(evidence),
        not_seen=(*_not_seen(recording, uses_tensorflow), *problems),
        notes=tuple(recording.raw.get("notes") or ()),
        replay=replays.build(session, recording),
        compile=program_compiling.of_program(evidence) if uses_tensorflow else None,
    )
    return ProgramReport(
        schema=SCHEMA,
        session=session,
        phase=_phase(recording),
        workload={"program": session["target"], "arguments": list(session.get("arguments", ()))},
        environment=dict(recording.raw.get("environment") or {}),
        baseline=None,
        verdict=_verdict(findings, uses_tensorflow),
        warnings=program.not_seen,
        notes=program.notes,
        aa=None,
        modes=(),
        findings=findings,
        program=program,
    )


def is_program(session: Session) -> bool:
    """Whether the session is a watched program's, and not a comparison of modes."""
    return session.info.options.get("verb") == "exec"


def of_session(session: Session) -> ProgramReport:
    """The report of a watched program's session, derived again from its recording."""
    info = session.info
    reference = {
        "id": info.id,
        "path": str(session.path),
        "created": info.created,
        "status": info.status,
        "target": info.target,
        "arguments": list(info.workload.get("arguments") or ()),
        "replay": info.options.get("replay"),
    }
    code = info.options.get("exit_code")
    return build(session.path / PROGRAM_RUN, reference, code if isinstance(code, int) else None)


_ADAPTER = TypeAdapter(ProgramReport)


def to_json(report: ProgramReport, indent: int | None = 2) -> str:
    """The report as JSON text."""
    return _ADAPTER.dump_json(report, indent=indent).decode()


def _verdict(findings: tuple[Finding, ...], uses_tensorflow: bool) -> str:
    if not uses_tensorflow:
        return "The program never imported TensorFlow."
    loud = [finding for finding in findings if finding.severity != "minor"]
    if loud:
        return f"{loud[0].sentence.rstrip('.')}."
    return "Healthy: nothing found that is worth changing."


def _blank(session: dict[str, Any], exit_code: int | None) -> ProgramReport:
    sentence = "The program was killed, or replaced itself, before anything could be written."
    return ProgramReport(
        schema=SCHEMA,
        session=session,
        phase=None,
        workload={"program": session["target"]},
        environment={},
        baseline=None,
        verdict=sentence,
        warnings=(),
        notes=(),
        aa=None,
        modes=(),
        findings=(),
        program=Program(
            target=session["target"],
            arguments=tuple(session.get("arguments", ())),
            exit_code=exit_code,
            wall_s=None,
            imports_s=None,
            work_s=None,
            watch_s=None,
            division=(),
            seen=(),
            not_seen=(sentence,),
            notes=(),
        ),
    )


def _traced(run_folder: Path, recording: Recording) -> tuple[windows.Traced | None, list[str]]:
    """The facts of the windows; the probe counts only when there is no other."""
    recorded = [window for window in recording.windows if window.xplane]
    chosen = [window for window in recorded if not window.probe] or recorded
    parts, problems = [], []
    for window in chosen:
        try:
            part = windows.look(xspace.read(run_folder / str(window.xplane)))
        except TraceError as error:
            problems.append(str(error))
            continue
        if part is not None:
            parts.append(part)
    return windows.combine(parts), problems


def _division(recording: Recording) -> tuple[Share, ...]:
    """Each moment of the main thread in exactly one part."""
    parts: dict[str, float] = {}

    def add(part: str, seconds: float) -> None:
        parts[part] = parts.get(part, 0.0) + seconds

    def visit(span: Span, building: bool) -> None:
        inside = building or span.kind == "build"
        part = "building graphs" if inside else _PARTS.get(span.kind, "the program's own Python")
        ops = 0.0 if inside else sum(seconds for _, seconds in span.ops.values())
        add("eager ops" if not inside else part, min(ops, span.own_s))
        add(part, max(0.0, span.own_s - ops))
        for child in span.children:
            visit(child, inside)

    visit(recording.tree, False)
    total = sum(parts.values()) or 1.0
    shares = [Share(part, seconds, seconds / total) for part, seconds in parts.items() if seconds]
    return tuple(sorted(shares, key=lambda share: -share.seconds))


def _seen(evidence: Evidence) -> tuple[str, ...]:
    found = []
    for name in ("fit", "evaluate", "predict", "train_on_batch", "test_on_batch"):
        spans = [span for span in evidence.spans("keras") if span.name == name]
        if spans:
            found.append(f"{sum(span.count for span in spans)} x {name}")
    functions = {one.function for one in evidence.outer_buildings}
    if functions:
        built = len(evidence.outer_buildings)
        runs = sum(runs.count for runs in evidence.runs.values())
        found.append(f"{len(functions)} tf.functions, built {built} times, run {runs} times")
    ops, _ = evidence.recording.tree.all_ops("build", "import")
    if ops:
        found.append(f"{ops} eager ops")
    batches = sum(span.count for span in evidence.spans("next", "first_next"))
    if batches:
        found.append(f"{batches} batches read in Python")
    if evidence.traced is not None:
        found.append(f"{evidence.traced.seconds:.2f} s traced")
    return tuple(found)


def _not_seen(recording: Recording, uses_tensorflow: bool) -> list[str]:
    found = list(recording.raw.get("lost") or ())
    if not uses_tensorflow:
        found.append("The program never imported TensorFlow: there is nothing to say about it.")
    found += _cut_short(recording)
    for what, count in (recording.raw.get("elsewhere") or {}).items():
        found.append(f"{count} {what} ran on other threads: their time was not divided.")
    if uses_tensorflow and not any(window.xplane for window in recording.windows):
        found.append("Nothing was repeated often enough to be traced: no kernel times.")
    return found


def _cut_short(recording: Recording) -> list[str]:
    """What is missing because the program ended without warning, or became another one."""
    ended = recording.raw.get("ended", {})
    if ended is None:
        last = f"what it did later than {recording.wall_s:.0f} s after its start was not kept"
        return [f"The program was killed: {last}."]
    if ended.get("how") == "exec":
        return ["The program replaced itself by another (os.exec): that one was not watched."]
    return []


def _phase(recording: Recording) -> str | None:
    methods = {call["method"] for call in recording.many("keras_calls")}
    if methods & {"fit", "train_on_batch"} or recording.many("optimizers"):
        return "train"
    if "evaluate" in methods:
        return "evaluate"
    return "predict" if "predict" in methods else None
