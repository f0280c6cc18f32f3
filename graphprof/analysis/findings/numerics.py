"""Kernels work in a dtype that the device is slow at."""

from __future__ import annotations

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.programs.recording import Line, to_line

_FACTORS = {"float64": 0.5, "float16": 0.6, "bfloat16": 0.4}
_SLOW_ON_CPU = ("float16", "bfloat16")


def find(evidence: Evidence) -> list[Draft]:
    """A draft a slow dtype."""
    shares = _shares(evidence)
    drafts = []
    for dtype, (share, source, line) in shares.items():
        if dtype not in _FACTORS or (dtype in _SLOW_ON_CPU and not evidence.on_cpu):
            continue
        seconds = _kernel_s(evidence, share)
        drafts.append(_draft(evidence, dtype, share, seconds, source, line))
    return drafts


def _shares(evidence: Evidence) -> dict[str, tuple[float, str, Line | None]]:
    """Dtype -> its share of kernel time, where that comes from, and the busiest line."""
    totals: dict[str, float] = {}
    lines: dict[str, dict[Line | None, float]] = {}
    traced = evidence.traced
    for op in traced.ops if traced is not None else ():
        place = evidence.place(op)
        dtype = place.dtype if place is not None else ""
        totals[dtype] = totals.get(dtype, 0.0) + op.total_s
        by_line = lines.setdefault(dtype, {})
        line = place.line if place is not None else None
        by_line[line] = by_line.get(line, 0.0) + op.total_s
    everything = sum(totals.values())
    if everything > 0:
        return {
            dtype: (seconds / everything, "trace", max(lines[dtype], key=lambda k: lines[dtype][k]))
            for dtype, seconds in totals.items()
        }
    return _eager_shares(evidence) or _built_shares(evidence)


def _eager_shares(evidence: Evidence) -> dict[str, tuple[float, str, Line | None]]:
    totals: dict[str, float] = {}
    for one in evidence.recording.many("op_dtypes"):
        dtype = one["op"].rsplit(":", 1)[-1]
        totals[dtype] = totals.get(dtype, 0.0) + one["total_s"]
    everything = sum(totals.values())
    if (
        everything < 0.02
        or sum(one["samples"] for one in evidence.recording.many("op_dtypes")) < 50
    ):
        return {}
    return {dtype: (seconds / everything, "watch", None) for dtype, seconds in totals.items()}


def _built_shares(evidence: Evidence) -> dict[str, tuple[float, str, Line | None]]:
    """Without kernel times (XLA has no op names): by the number of heavy ops built."""
    counts: dict[str, float] = {}
    for building in evidence.recording.buildings:
        for place in building.places:
            if not building.for_data and ("MatMul" in place.type or "Conv" in place.type):
                counts[place.dtype] = counts.get(place.dtype, 0.0) + place.count
    total = sum(counts.values())
    return (
        {dtype: (count / total, "watch", None) for dtype, count in counts.items()} if total else {}
    )


def _kernel_s(evidence: Evidence, share: float) -> float:
    """Seconds of the program in kernels of a dtype.

    A window may hold few of the steps and much of what lies between them; how long built functions
    ran in all is known exactly, so the windows only say which part of that is kernels.
    """
    traced = evidence.traced
    if traced is None:
        return 0.0
    running = sum(
        max(0.0, span.total_s - (span.first_s if span.count > 1 else 0.0))
        for span in evidence.spans("run")
    )
    built = running * min(1.0, traced.op_s / traced.run_s) if traced.run_s > 0.01 else 0.0
    return max(built, evidence.of_steady(max(traced.op_s, traced.eager_kernel_s))) * share


def _set_by(evidence: Evidence, dtype: str) -> Line | None:
    """The line that switched the program to ``dtype``, if one did."""
    for setting in evidence.recording.many("settings"):
        if setting["what"] == "dtype" and dtype in str(setting["name"]):
            return to_line(setting.get("site"))
    return None


def _draft(
    evidence: Evidence, dtype: str, share: float, seconds: float, source: str, line: Line | None
) -> Draft:
    factor = _FACTORS[dtype]
    wide = dtype == "float64"
    return Draft(
        cause="float64_compute" if wide else "float16_on_cpu",
        sentence=(
            f"{100 * share:.0f} % of the kernels' time is spent in {dtype}, "
            + ("which takes twice the work of float32" if wide else "which this CPU only emulates")
        ),
        line=_set_by(evidence, dtype) or line,
        evidence=(
            Number(f"{dtype} share of kernel time", share, "share", source),  # type: ignore[arg-type]
            Number(f"time in {dtype} kernels", seconds, "s", "trace"),
            Number("share of the main work", evidence.share(seconds), "share", "trace"),
        ),
        saved_s=factor * seconds,
        surely_s=0.3 * seconds,
        at_most_s=(0.7 if wide else 0.85) * seconds,
        confidence=0.9 if share > 0.5 else 0.6,
        change=(
            "Compute in float32: keras.config.set_floatx('float32'), data and constants as float32"
            if wide
            else "Compute in float32 on this device: keras.mixed_precision.set_global_policy("
            "'float32')"
        ),
        refuted_by="The kernels take as long in float32.",
        supersedes=("kernel_bound",),
    )


RULES = (
    Rule(
        causes=("float64_compute", "float16_on_cpu"),
        proof="The dtype of each executed op (noted while its graph was built) weighted by the "
        "kernel time in the windows.",
        refutation="Those kernels take less than 3 % of the main work, or float32 is no faster.",
        find=find,
    ),
)
