"""The program waits for input: which stage of the pipeline is to blame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence, step_spans
from graphprof.analysis.programs.recording import Line, Span, to_line
from graphprof.analysis.programs.traced import Stage, bottleneck

_PER_ELEMENT = 8
_LEAST_WAIT = 0.12
_LEAST_WINDOW = 0.22
_PYTHON_PART = 0.2
_FIGHTING = 0.5


def find(evidence: Evidence) -> list[Draft]:
    """Iterators made anew, or a pipeline slower than the step."""
    recreated = _recreated(evidence)
    if recreated is not None:
        return [recreated]
    wait_s, share = waiting(evidence)
    if share < _LEAST_WAIT or _hidden(evidence):
        return _fighting(evidence)
    return _blame(evidence, wait_s, share)


def waiting(evidence: Evidence) -> tuple[float, float]:
    """Seconds that the whole program waits for batches, and their share of what repeats."""
    counted = sum(span.total_s - span.seconds_of("profiler") for span in evidence.spans("next"))
    traced = evidence.traced
    from_trace = 0.0
    if traced is not None:
        stopping = traced.delete_s if _keras_reads(evidence) and _python(evidence) else 0.0
        from_trace = evidence.of_steady(min(traced.input_wait_s + stopping, traced.seconds))
    wait = max(counted, from_trace)
    return wait, wait / evidence.repeating_s


def _hidden(evidence: Evidence) -> bool:
    """Whether the windows show a pipeline that keeps up: a step's turn on a busy machine may come
    late without the data being late.
    """
    traced = evidence.traced
    if traced is None or not traced.input_count:
        return False
    stopping = traced.delete_s if _python(evidence) else 0.0
    return traced.share(traced.input_wait_s + stopping) < _LEAST_WINDOW


def _keras_reads(evidence: Evidence) -> bool:
    return any(pipe["under"] in ("gap", "keras") for pipe in evidence.recording.many("pipelines"))


def _recreated(evidence: Evidence) -> Draft | None:
    iterators: list[Span] = [
        span
        for span in evidence.spans("iterator")
        if span.line is not None and not _in_keras(evidence, span)
    ]
    worst = max(iterators, key=lambda span: span.count, default=None)
    if worst is None or worst.count < 10:
        return None
    firsts = evidence.spans("first_next")
    batches = sum(span.count for span in [*firsts, *evidence.spans("next")])
    made = sum(span.count for span in iterators)
    if batches > 3 * made:
        return None
    lost = sum(span.total_s for span in [*iterators, *firsts])
    lost += sum(span.total_s for span in evidence.spans("dataset") if span.count >= 10)
    if evidence.traced is not None:  # each iterator also has to stop its pipeline
        lost += evidence.of_steady(evidence.traced.delete_s)
    return Draft(
        cause="iterator_recreated_per_step",
        sentence=f"A new iterator is made for about every batch: {made} iterators for {batches} "
        "batches",
        line=worst.line,
        evidence=(
            Number("iterators made", made, "count"),
            Number("batches read", batches, "count"),
            Number("time making them and waiting for their first batch", lost, "s"),
            Number("share of the main work", evidence.share(lost), "share"),
        ),
        saved_s=0.9 * lost,
        surely_s=0.6 * lost,
        at_most_s=1.2 * lost,
        confidence=0.95,
        change="iterator = iter(dataset) once before the loop (dataset.repeat() if it must not "
        "end), then next(iterator)",
        refuted_by="The time per step stays the same with one iterator.",
        supersedes=("input_bound_shuffle", "dispatch_bound_eager_loop", "input_bound_map"),
    )


def _in_keras(evidence: Evidence, span: Span) -> bool:
    return any(span is inner for call in evidence.keras for inner in call.walk())


def _python(evidence: Evidence) -> list[dict[str, Any]]:
    return [
        one
        for one in evidence.recording.many("producers")
        if (one["generator"] or one["for_data"]) and one["count"] >= 3
    ]


def _blame(evidence: Evidence, wait_s: float, share: float) -> list[Draft]:
    traced = evidence.traced
    python = _python(evidence)
    python_s = sum(one["total_s"] for one in python)
    seen = traced.py_input_s / traced.input_wait_s if traced and traced.input_wait_s else 0.0
    # Time inside the calls leaves out the wait for the interpreter lock before each of them.
    if python and (python_s >= _PYTHON_PART * wait_s or seen >= _PYTHON_PART):
        return _python_drafts(evidence, python, python_s, wait_s, share)
    stage = bottleneck(traced) if traced is not None else None
    if stage is None:
        return []
    return _stage_drafts(evidence, stage, wait_s, share)


def _python_drafts(
    evidence: Evidence, python: list[dict[str, Any]], seconds: float, wait_s: float, share: float
) -> list[Draft]:
    """Python is to blame; where it mostly sleeps or reads, running it ahead hides it."""
    draft = _python_draft(evidence, python, seconds, wait_s, share)
    traced = evidence.traced
    working = sum(float(one.get("cpu_s", one["total_s"])) for one in python)
    if traced is None or working > 0.5 * seconds or _prefetches(evidence):
        return [draft]
    hidden = min(wait_s, traced.share(traced.op_s) * evidence.steady_s)
    ahead = replace(
        draft,
        cause="missing_prefetch",
        sentence=f"Steps wait for input {100 * share:.0f} % of the time: Python in the pipeline "
        "waits itself (a disk, a network), and only while no step runs",
        saved_s=0.9 * hidden,
        surely_s=0.4 * hidden,
        at_most_s=wait_s,
        change="dataset.prefetch(tf.data.AUTOTUNE) as the last stage",
        supersedes=("fit_per_step_overhead", "fit_epoch_overhead", "batch_too_small"),
    )
    others = tuple(cause for cause in draft.supersedes if cause != "missing_prefetch")
    share_hidden = hidden / wait_s if wait_s else 0.0
    serial = draft.cause == "input_bound_python_gil"
    blamed = replace(
        draft,
        # What sleeps gives the lock away, so that several calls can sleep at once.
        cause="missing_parallel_map" if serial else draft.cause,
        change="map(..., num_parallel_calls=tf.data.AUTOTUNE)" if serial else draft.change,
        saved_s=draft.saved_s * (0.8 if share_hidden > 0.5 else 1.0),
        surely_s=draft.surely_s * 0.8,
        supersedes=others,
    )
    return [ahead, blamed]


def _fighting(evidence: Evidence) -> list[Draft]:
    """Producers that keep up, but take the interpreter lock from the steps."""
    traced, python = evidence.traced, _python(evidence)
    total = sum(one["total_s"] for one in python)
    if traced is None or total <= 0 or not traced.seconds:
        return []
    computing = sum(float(one.get("cpu_s", 0.0)) for one in python) / total
    busy = traced.share(traced.py_input_s) * min(1.0, computing)
    idle = 1.0 - traced.share(min(traced.seconds, traced.op_s + traced.executor_s))
    if busy < _FIGHTING or idle < _FIGHTING:
        return []
    lost = 0.5 * evidence.of_steady(traced.seconds * min(busy, idle))
    draft = _python_draft(evidence, python, total, lost, lost / evidence.repeating_s)
    fight = replace(
        draft,
        cause="input_bound_python_gil",
        sentence=f"Python makes the data during {100 * busy:.0f} % of the time and takes the "
        "interpreter lock from the steps meanwhile",
        confidence=0.8,
        supersedes=("fit_per_step_overhead", "batch_too_small"),
    )
    if draft.cause == fight.cause:
        return [fight]
    return [fight, replace(draft, saved_s=0.9 * draft.saved_s, confidence=0.6, supersedes=())]


def _prefetches(evidence: Evidence) -> bool:
    """Whether the pipeline runs ahead of the steps, by its own stage or TensorFlow's."""
    traced = evidence.traced
    last = (
        any(stage.path.count("::") == 2 and stage.name == "Prefetch" for stage in traced.stages)
        if traced
        else False
    )
    asked = any(
        "Prefetch" in stage["op"] and stage.get("site")
        for pipe in evidence.recording.many("pipelines")
        for stage in pipe.get("stages", [])
    )
    return last or asked


def _python_draft(
    evidence: Evidence, python: list[dict[str, Any]], seconds: float, wait_s: float, share: float
) -> Draft:
    generators = [one for one in python if one["generator"]]
    worst = max(python, key=lambda one: one["total_s"])
    generator = bool(generators) and sum(one["total_s"] for one in generators) >= 0.5 * seconds
    cause = "input_bound_python_generator" if generator else "input_bound_python_gil"
    line, name = _producer_line(evidence, worst, generator)
    parallel = any(
        stage["parallel"]
        for pipe in evidence.recording.many("pipelines")
        for stage in pipe.get("stages", [])
        if stage.get("site")
    )
    reason = (
        f"the Python generator `{name}` makes the data slower than the steps use it"
        if generator
        else f"Python (`{name}`) runs in the pipeline, one call at a time under the interpreter lock"
    )
    calls = sum(one["count"] for one in python)
    return Draft(
        cause=cause,
        sentence=f"Steps wait for input {100 * share:.0f} % of the time: {reason}",
        line=line,
        evidence=(
            Number("waiting for input", wait_s, "s", "trace"),
            Number("Python in the pipeline", seconds, "s"),
            Number("calls of Python from the pipeline", calls, "count"),
            Number("share of what repeats", share, "share", "trace"),
        ),
        saved_s=0.9 * wait_s,
        surely_s=0.5 * wait_s,
        at_most_s=wait_s,
        confidence=0.95,
        change=(
            "Yield whole batches, or read with tf.data (from_tensor_slices, TFRecord) and "
            "prefetch(tf.data.AUTOTUNE)"
            if generator
            else "Write it with TensorFlow ops on whole batches"
            + (" (num_parallel_calls cannot help Python)" if parallel else "")
        ),
        refuted_by="The steps take as long on data that are cached in memory.",
        supersedes=(
            "input_bound_map",
            "input_per_element_map",
            "missing_prefetch",
            "missing_parallel_map",
            "fit_per_step_overhead",
            "fit_epoch_overhead",
            "input_bound_shuffle",
        ),
    )


def _producer_line(
    evidence: Evidence, producer: dict[str, Any], generator: bool
) -> tuple[Line | None, str]:
    named = [
        one
        for one in evidence.recording.many("settings")
        if one.get("what") in ("from_generator", "PyDataset", "generator")
    ]
    if generator and named:
        users = [one for one in named if one["what"] != "from_generator"] or named
        first = users[0]
        line = to_line(first.get("site"))
        if first["what"] != "from_generator":
            line = to_line(first.get("defined_at")) or line
        return line, str(first["name"])
    line = to_line(producer.get("site")) or to_line(producer.get("defined_at"))
    return line, str(producer["name"])


def _stage_drafts(evidence: Evidence, stage: Stage, wait_s: float, share: float) -> list[Draft]:
    traced = evidence.traced
    assert traced is not None
    batches = max(1, traced.input_count)
    calls = traced.function_calls / batches
    mapped = _stage_of(evidence, stage)
    is_map = "Map" in stage.name or "Filter" in stage.name
    numbers = (
        Number("waiting for input", wait_s, "s", "trace"),
        Number(f"own time of stage {stage.name} in the windows", stage.own_s, "s", "trace"),
        Number("calls of mapped functions per batch", calls, "count", "trace"),
        Number("share of what repeats", share, "share", "trace"),
    )
    common: dict[str, Any] = {
        "line": mapped[0],
        "evidence": numbers,
        "at_most_s": wait_s,
        "refuted_by": "The steps take as long on data that are cached in memory.",
        "supersedes": (
            *("fit_per_step_overhead", "fit_epoch_overhead", "batch_too_small"),
            # A buffer is filled no sooner than the map makes its elements.
            *(("input_bound_shuffle",) if is_map and _shuffled_after_map(evidence) else ()),
        ),
    }
    waits = f"Steps wait for input {100 * share:.0f} % of the time"
    per_call = stage.own_s / max(1, traced.function_calls)
    drafts: list[Draft] = []
    parallel, prefetch, user_map = mapped[1], mapped[2], mapped[3]
    if is_map and calls >= _PER_ELEMENT and per_call < 0.4e-3:
        drafts.append(
            Draft(
                cause="input_per_element_map",
                sentence=f"{waits}: the map runs {calls:.0f} tiny calls for each batch",
                saved_s=0.85 * wait_s,
                surely_s=0.5 * wait_s,
                confidence=0.9,
                change="batch() first, then map() a function of whole batches",
                **common,
            )
        )
    work = traced.share(traced.op_s)
    hidden = min(wait_s, work * evidence.steady_s)
    if is_map and user_map and not parallel:
        drafts.append(
            Draft(
                cause="missing_parallel_map",
                sentence=f"{waits}: the map runs its calls one after the other",
                saved_s=(0.5 if evidence.on_cpu else 0.8) * wait_s,
                surely_s=0.2 * wait_s,
                confidence=0.6,
                change="map(..., num_parallel_calls=tf.data.AUTOTUNE)",
                **common,
            )
        )
    if not prefetch and work > 0.15 and hidden > 0.25 * wait_s:
        drafts.append(
            Draft(
                cause="missing_prefetch",
                sentence=f"{waits}, while which no step runs: input and steps take turns",
                saved_s=0.8 * hidden,
                surely_s=0.3 * hidden,
                confidence=0.7 if hidden > 0.7 * wait_s else 0.5,
                change="dataset.prefetch(tf.data.AUTOTUNE) as the last stage",
                **common,
            )
        )
    named = stage.name if is_map else f"{stage.name} (the slowest stage)"
    drafts.append(
        Draft(
            cause="input_bound_map",
            sentence=f"{waits}: the stage {named} is slower than the step",
            saved_s=0.8 * wait_s,
            surely_s=0.3 * wait_s,
            confidence=0.8 if parallel or not is_map else 0.75,
            change="cache() after the map when the data fit, num_parallel_calls=tf.data.AUTOTUNE, "
            "prefetch(tf.data.AUTOTUNE), less work per element",
            **common,
        )
    )
    return drafts


def _shuffled_after_map(evidence: Evidence) -> bool:
    """Whether a shuffle buffer holds what a map has made, and no more than is read of it.

    Then filling it is the map's work, done early; a larger buffer is work for nothing.
    """
    batches = sum(span.count for span in evidence.spans("first_next", "next"))
    batches += sum(span.count for call in evidence.keras for span in step_spans(call))
    for pipe in evidence.recording.many("pipelines"):
        stages = pipe.get("stages", [])  # from the last one on
        for index, stage in enumerate(stages):
            if "Shuffle" not in stage["op"] or not stage.get("buffer"):
                continue
            rows = max([one.get("batch") or 1 for one in stages[:index]], default=1)
            read = rows * batches / max(1, int(pipe.get("iterators") or 1))
            mapped = any("Map" in one["op"] for one in stages[index:])
            if mapped and 0 < stage["buffer"] <= 1.1 * read:
                return True
    return False


def _stage_of(evidence: Evidence, stage: Stage) -> tuple[Line | None, bool, bool, bool]:
    """The user's line of the slowest stage, whether it is parallel, whether the pipeline
    prefetches, and whether the user's pipeline has a map.
    """
    prefetch = _prefetches(evidence)
    line: Line | None = None
    parallel = False
    user_map = False
    wanted = stage.name.replace("AndBatch", "").replace("V2", "").replace("Parallel", "")
    for pipe in evidence.recording.many("pipelines"):
        for one in pipe.get("stages", []):
            if not one.get("site"):
                continue
            if "Prefetch" in one["op"]:
                prefetch = True
            if "Map" in one["op"] or "Filter" in one["op"]:
                user_map = True
            if wanted in one["op"] and line is None:
                line, parallel = to_line(one["site"]), bool(one["parallel"])
    return line, parallel, prefetch, user_map


RULES: tuple[Rule[Evidence, Draft], ...] = (
    Rule(
        causes=("iterator_recreated_per_step",),
        proof="About as many iterators made by the user's code as batches read, and the time of "
        "making them and of their first batches.",
        refutation="Each iterator gives many batches, or their making takes less than 3 %.",
        find=find,
    ),
    Rule(
        causes=("input_bound_python_generator", "input_bound_python_gil"),
        proof="An eighth of what repeats or more is waiting for batches, and Python called by the "
        "pipeline takes a fifth of that time or more; or Python computes the data in half of the "
        "windows or more while no kernel runs in half of them (the lock).",
        refutation="Steps do not wait (the producer is hidden behind them), and kernels, not the "
        "lock, take the step.",
        find=lambda _evidence: [],
    ),
    Rule(
        causes=(
            "input_bound_map",
            "input_per_element_map",
            "missing_parallel_map",
            "missing_prefetch",
        ),
        proof="An eighth of what repeats or more is waiting for batches; the stage with the largest "
        "own time in the windows, its calls per batch, and what the pipeline lacks.",
        refutation="Steps do not wait, or another stage is slower.",
        find=lambda _evidence: [],
    ),
)
