"""The program waits while a shuffle buffer is filled."""

from __future__ import annotations

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence, step_spans
from graphprof.analysis.programs.recording import Line, to_line

_MUCH_LONGER = 8.0


def find(evidence: Evidence) -> list[Draft]:
    """A draft when the first batch of each iterator waits for a shuffle buffer."""
    stage = _shuffle(evidence)
    if stage is None:
        return []
    buffer, line = stage
    firsts, first_s, usual = _first_batches(evidence)
    if not firsts or first_s / firsts < _MUCH_LONGER * usual:
        return []
    lost = first_s - firsts * usual
    return [
        Draft(
            cause="input_bound_shuffle",
            sentence=(
                f"The first batch of each of {firsts} iterators waits {first_s / firsts:.2f} s while "
                f"a shuffle buffer of {buffer} elements is filled"
            ),
            line=line,
            evidence=(
                Number("first batches", firsts, "count"),
                Number("time waiting for them", first_s, "s"),
                Number("a later batch", usual, "s"),
                Number("elements in the buffer", buffer, "count"),
                Number("share of the main work", evidence.share(lost), "share"),
            ),
            saved_s=0.8 * lost,
            surely_s=0.3 * lost,
            at_most_s=lost,
            confidence=0.85,
            change="Shuffle before the expensive stages (file names or indices), with a smaller "
            "buffer; or cache() before the shuffle",
            refuted_by="The first batch takes as long with a small buffer.",
            supersedes=(
                "fit_epoch_overhead",
                "compile_dominates_short_run",
            ),
        )
    ]


def _shuffle(evidence: Evidence) -> tuple[int, Line | None] | None:
    found = [
        (int(stage.get("buffer") or 0), to_line(stage.get("site")))
        for pipeline in evidence.recording.many("pipelines")
        for stage in pipeline.get("stages", [])
        if "Shuffle" in stage["op"] and stage.get("site")
    ]
    found = [one for one in found if one[0] >= 64 or one[0] < 0]
    return max(found, key=lambda one: one[0], default=None)


def _first_batches(evidence: Evidence) -> tuple[int, float, float]:
    """First batches of iterators: how many, seconds, and seconds of a later one."""
    firsts = evidence.spans("first_next")
    later = evidence.spans("next")
    count = sum(span.count for span in firsts)
    if count:
        later_count = sum(span.count for span in later)
        usual = sum(span.total_s for span in later) / later_count if later_count else 0.0
        return count, sum(span.total_s for span in firsts), usual
    seconds, number, usual_s, usual_n = 0.0, 0, 0.0, 0
    again = False
    for call in evidence.keras:
        for step in step_spans(call):
            waits = step.total_s - step.seconds_of("build", "profiler")
            if step.kind == "first_step" and step.count > 1:
                # The very first one also builds and links: it is taken to wait as the others do.
                others = (step.total_s - step.first_s) / (step.count - 1)
                seconds, number = seconds + others * step.count, number + step.count
                again = True
            elif step.kind == "first_step":
                seconds, number = seconds + waits, number + step.count
            else:
                usual_s, usual_n = usual_s + waits, usual_n + step.count
    if not number or not usual_n:
        return 0, 0.0, 0.0
    excess = sum(
        evidence.first_excess_s(one) for one in evidence.outer_buildings if one.under != "call"
    )
    return number, seconds if again else max(0.0, seconds - excess), usual_s / usual_n


RULES = (
    Rule(
        causes=("input_bound_shuffle",),
        proof="A pipeline with a shuffle buffer whose first batch takes eight times a later one or "
        "more, buildings apart.",
        refutation="The first batch is quick, or as slow without the buffer.",
        find=find,
    ),
)
