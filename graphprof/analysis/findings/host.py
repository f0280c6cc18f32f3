"""Python reads tensors, or makes them from Python values, again and again."""

from __future__ import annotations

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.programs.recording import to_line

_REPEATED = 5
_CONVERTING = ("convert_to_tensor", "constant")


def conversions(evidence: Evidence) -> list[Draft]:
    """Values converted to tensors each step."""
    repeated = [
        one
        for one in evidence.recording.many("conversions")
        if one.get("site") and one["count"] >= _REPEATED
    ]
    total = sum(one["total_s"] for one in repeated)
    if not repeated:
        return []
    longer = max(1.0, _converting_s(evidence) / total) if total else 1.0
    total *= longer
    most = max(one["total_s"] for one in repeated)
    # Several lines of one step do the same: name the first of them.
    worst = min(
        (one for one in repeated if one["total_s"] >= 0.5 * most),
        key=lambda one: (one["site"][0], one["site"][1]),
    )
    each = longer * worst["total_s"] / worst["count"]
    moved = sum(one["bytes"] for one in repeated)
    stack = "np.stack / np.asarray the values once" if "list" in worst["type"] else "Convert once"
    return [
        Draft(
            cause="host_conversion_per_step",
            sentence=(
                f"Python values ({worst['type']}) are converted to tensors {worst['count']} times, "
                f"{each * 1e3:.1f} ms each"
            ),
            line=to_line(worst["site"]),
            evidence=(
                Number("repeated conversions", sum(one["count"] for one in repeated), "count"),
                Number("time in them", total, "s"),
                Number("bytes made", moved, "bytes"),
                Number("share of the main work", evidence.share(total), "share"),
            ),
            saved_s=0.9 * total,
            surely_s=0.7 * total,
            # What a conversion makes on its way is freed after it.
            at_most_s=1.2 * total,
            confidence=0.95,
            change=f"{stack} before the call (outside the loop where they do not change)",
            refuted_by="Converting one array of the same size takes as long.",
        )
    ]


def _converting_s(evidence: Evidence) -> float:
    """What TensorFlow's Python took on the way to the conversions, by the looks at it."""
    return sum(
        one.seconds
        for one in evidence.own_lines
        if one.called.startswith(_CONVERTING) and one.rounds >= _REPEATED
    )


def reads(evidence: Evidence) -> list[Draft]:
    """Tensors read into Python each step."""
    repeated = [
        one for one in evidence.recording.many("reads") if one.get("site") and one["count"] >= 20
    ]
    if not repeated:
        return []
    slices = _element_reads(evidence)
    total = sum(one["total_s"] for one in repeated) + slices
    worst = max(repeated, key=lambda one: one["total_s"] + one["count"] * 1e-5)
    count = sum(one["count"] for one in repeated)
    return [
        Draft(
            cause="host_sync_per_step",
            sentence=f"Tensors are read into Python {count} times, and Python waits for each",
            line=to_line(worst["site"]),
            evidence=(
                Number("reads", count, "count"),
                Number("time in them", total, "s"),
                Number("share of the main work", evidence.share(total), "share"),
            ),
            saved_s=0.9 * total,
            surely_s=0.5 * total,
            at_most_s=1.2 * total,
            confidence=0.85,
            change="Keep the values as tensors (a tf.Variable or a metric) and read them once an "
            "epoch, or read the whole tensor once",
            refuted_by="The step takes as long without the reads: on a CPU the result is there "
            "already.",
        )
    ]


def _element_reads(evidence: Evidence) -> float:
    """Time of the slices that fetch single elements for reading."""
    reads_of = sum(one["count"] for one in evidence.recording.many("reads"))
    count, seconds = 0, 0.0
    for span in evidence.recording.tree.walk():
        for name in ("StridedSlice", "Unpack", "GatherV2"):
            n, s = span.ops.get(name, (0, 0.0))
            count, seconds = count + n, seconds + s
    # Only where about every read has its own slice.
    return 3.0 * seconds if count and 0.5 * count < reads_of < 3 * count else 0.0


RULES = (
    Rule(
        causes=("host_conversion_per_step",),
        proof="Conversions of Python values to tensors at one line, timed one by one, repeated.",
        refutation="They happen once, or take less than 3 % of the main work.",
        find=conversions,
    ),
    Rule(
        causes=("host_sync_per_step",),
        proof="Reads of tensors into Python (.numpy(), float(), print ...) at one line, timed one "
        "by one, with the slices made only for them.",
        refutation="The reads do not wait (on a CPU the step is finished anyway), or take less than "
        "3 % of the main work.",
        find=reads,
    ),
)
