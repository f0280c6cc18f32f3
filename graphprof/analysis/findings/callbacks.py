"""Callbacks take the time."""

from __future__ import annotations

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.programs.recording import Span

_DEFAULT = ("History.", "ProgbarLogger.")


def find(evidence: Evidence) -> list[Draft]:
    """One draft for all callbacks."""
    spans: dict[str, list[Span]] = {}
    for call in evidence.keras:
        for span in call.below("callback"):
            if not span.name.startswith(_DEFAULT):
                spans.setdefault(span.name, []).append(span)
        for gap in call.children:
            for nested in gap.below("keras"):
                for span in nested.below("callback"):
                    if not span.name.startswith(_DEFAULT):
                        spans.setdefault(span.name, []).append(span)
    if not spans:
        return []
    totals = {name: sum(one.total_s for one in found) for name, found in spans.items()}
    price = sum(one.seconds_of("profiler") for found in spans.values() for one in found)
    lost = sum(totals.values()) - price
    worst = max(totals, key=lambda name: totals[name])
    count = sum(one.count for one in spans[worst])
    lines = [one.line for one in spans[worst] if one.line is not None]
    fit = max(evidence.keras, key=lambda span: span.total_s)
    often = "batch" in worst
    return [
        Draft(
            cause="callback_overhead",
            sentence=(
                f"The callback {worst} ran {count} times and took {totals[worst]:.1f} s, "
                f"{totals[worst] / count * 1e3:.1f} ms each"
            ),
            line=lines[0] if lines else fit.line,
            evidence=(
                Number("time in callbacks", lost, "s"),
                Number("calls of the slowest", count, "count"),
                Number("share of the main work", evidence.share(lost), "share"),
            ),
            saved_s=0.95 * lost,
            surely_s=0.6 * lost,
            at_most_s=lost,
            confidence=0.95,
            change=(
                "Do it in on_epoch_end (or every hundredth batch) instead of every batch"
                if often
                else "Do it every few epochs, or do less in it"
            ),
            refuted_by="fit takes as long without the callback.",
            details=tuple(
                f"{name}: {seconds:.2f} s"
                for name, seconds in sorted(totals.items(), key=lambda item: -item[1])[:6]
            ),
            supersedes=(
                "fit_per_step_overhead",
                "dispatch_bound_eager_loop",
                "host_sync_per_step",
                "fit_per_call_overhead",
                "predict_per_call_overhead",
            ),
        )
    ]


RULES = (
    Rule(
        causes=("callback_overhead",),
        proof="The time inside each callback's methods, added up (History and progress bar apart).",
        refutation="It is less than 3 % of the main work.",
        find=find,
    ),
)
