"""What ``fit`` does between epochs takes the time: its own work, or the validation."""

from __future__ import annotations

import statistics

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence, ends_s, step_gaps, step_spans
from graphprof.analysis.programs.recording import Line, Span

_FEWEST_EPOCHS = 4
_DOMINATES = 0.7


def find(evidence: Evidence) -> list[Draft]:
    """Cost of epochs, and of validation in each."""
    fits = [span for span in evidence.keras if span.name == "fit"]
    drafts = []
    for fit in fits:
        edges = [gap for gap in fit.children if gap.kind == "gap" and gap.name == "epoch"]
        epochs = sum(gap.count for gap in edges) + fit.count
        if epochs < _FEWEST_EPOCHS:
            continue
        drafts += [draft for draft in (_epochs(evidence, fit, edges, epochs),) if draft]
    validation = _validation(evidence, fits)
    return drafts + ([validation] if validation else [])


def _epochs(evidence: Evidence, fit: Span, edges: list[Span], epochs: int) -> Draft | None:
    inside = sum(
        span.total_s
        for gap in edges
        for span in gap.below("callback", "keras", "profiler")
        if span.line is not None or span.kind != "callback"
    )
    own = sum(gap.total_s for gap in edges) - inside - sum(_once_s(gap) for gap in edges)
    own = max(0.0, own)
    steps = step_spans(fit)
    firsts = [span for span in steps if span.kind == "first_step"]
    later = [span for span in steps if span.kind == "step"]
    later_count = sum(span.count for span in later)
    usual = sum(span.total_s for span in later) / later_count if later_count else None
    start = 0.0
    if firsts:
        built = firsts[0].seconds_of("build", "profiler")
        first_count = sum(span.count for span in firsts)
        total = sum(span.total_s for span in firsts)
        runs = _usual_run_s(evidence, firsts)
        base = usual if usual is not None else runs
        # The very first step also builds; it is told apart by its own length.
        start = max(0.0, total - firsts[0].first_s - (first_count - 1) * base)
        start = min(start, max(0.0, total - built))
    start += sum(ends_s(gap, epochs) for gap in step_gaps(fit))
    lost = own + start
    if own < 0.25 * lost:
        return None  # it is the pipeline that takes long to start, not the epoch
    in_steps = sum(span.total_s for span in later) + sum(span.count for span in firsts) * (
        usual if usual is not None else _usual_run_s(evidence, firsts)
    )
    if lost < _DOMINATES * in_steps:
        return None
    steps_run = later_count + sum(span.count for span in firsts)
    return Draft(
        cause="fit_epoch_overhead",
        sentence=(
            f"Each of {epochs} epochs costs {lost / epochs * 1e3:.0f} ms beside its "
            f"{steps_run / epochs:.3g} steps"
        ),
        line=fit.line,
        evidence=(
            Number("epochs", epochs, "count"),
            Number("time between epochs", own, "s"),
            Number("start and end of the pipeline in each epoch", start, "s"),
            Number("share of the main work", evidence.share(lost), "share"),
        ),
        saved_s=0.9 * lost,
        surely_s=0.5 * lost,
        at_most_s=1.1 * lost,
        confidence=0.9,
        change="Repeat the data, dataset.repeat(epochs), and run one epoch of as many steps (with "
        "steps_per_execution for small steps)",
        refuted_by="The time does not fall when the same steps are run in one epoch.",
        supersedes=("fit_per_step_overhead", "batch_too_small", "input_bound_shuffle"),
    )


def _once_s(gap: Span) -> float:
    """What the first of these gaps took more than the usual one: it comes once, however long."""
    if not gap.kept_s:
        return 0.0
    return max(0.0, gap.first_s - statistics.median(gap.kept_s))


def _usual_run_s(evidence: Evidence, steps: list[Span]) -> float:
    names = {span.name for step in steps for span in step.walk() if span.kind == "run"}
    usual = [runs.usual_s for name in names if (runs := evidence.runs.get(name)) and runs.usual_s]
    return min(usual) if usual else 0.0


def _validation(evidence: Evidence, fits: list[Span]) -> Draft | None:
    inside = [
        span
        for fit in fits
        for gap in fit.children
        if gap.kind == "gap"
        for span in gap.below("keras")
        if span.name == "evaluate"
    ]
    count = sum(span.count for span in inside)
    if count < _FEWEST_EPOCHS:
        return None
    built = sum(building.total_s for span in inside for building in span.below("build"))
    built = max(built, 0.0)
    lost = sum(span.total_s for span in inside) - built
    line: Line | None = fits[0].line
    training = sum(step.total_s for fit in fits for step in step_spans(fit))
    saved = 0.8 * lost
    return Draft(
        cause="validation_every_epoch",
        sentence=f"The validation runs {count} times and takes {lost:.1f} s beside "
        f"{training:.1f} s of training steps",
        line=line,
        evidence=(
            Number("validations", count, "count"),
            Number("time in them", lost, "s"),
            Number("time in training steps", training, "s"),
            Number("share of the main work", evidence.share(lost), "share"),
        ),
        saved_s=saved,
        surely_s=0.5 * lost,
        at_most_s=0.95 * lost,
        confidence=0.9,
        change="validation_freq=5 (or more), or fewer validation_steps",
        refuted_by="The time per epoch is the same without validation_data.",
        supersedes=("fit_epoch_overhead",),
    )


RULES: tuple[Rule[Evidence, Draft], ...] = (
    Rule(
        causes=("fit_epoch_overhead",),
        proof="The gaps of fit that hold an epoch's end or begin, callbacks and validation apart, "
        "and what the first step of each epoch takes more than the later ones.",
        refutation="They are less than 3 % of the main work.",
        find=find,
    ),
    Rule(
        causes=("validation_every_epoch",),
        proof="Calls of evaluate from fit, their buildings apart.",
        refutation="They are less than 3 % of the main work.",
        find=lambda _evidence: [],
    ),
)
