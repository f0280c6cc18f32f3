"""XLA for some layers only: they gain by it, and the whole step does not."""

from __future__ import annotations

from graphprof import units
from graphprof.analysis.findings.base import Link, Number, Rule
from graphprof.analysis.findings.sessions.base import Proposal
from graphprof.analysis.findings.sessions.evidence import ModeEvidence, SessionEvidence
from graphprof.analysis.trials.whatif import saving
from graphprof.trials import AND, Interval, WorkloadTrial

BORDER_S = (50e-6, 100e-6, 400e-6)
"""What a layer compiled alone costs in each pass, beside its ops: least, likely, most. It is launched
like a function, and what XLA fuses across layers stays apart."""
MOST_LAYERS = 8
WORTH_TRYING = 1.15
_PASSES = ("forward", "backward")


def find(evidence: SessionEvidence) -> list[Proposal]:
    """Layers that XLA makes faster inside a step that it makes slower, or hardly faster."""
    plain, compiled = evidence.modes.get("graph"), evidence.modes.get("xla")
    if plain is None or compiled is None or plain.step is None or compiled.step is None:
        return []
    whole = evidence.pair("xla", "graph")
    saved = _saved(plain, compiled, 2 if evidence.phase == "train" else 1)
    if whole is None or not saved or not evidence.keras or _loops(plain, saved):
        return []
    gain = _gain(plain, saved)
    if gain.value < WORTH_TRYING or gain.value < WORTH_TRYING * whole.value:
        return []
    names = [name.rsplit("/", 1)[-1] for name in saved]
    return [
        Proposal(
            cause="xla_left_off_some_layers",
            mode=plain.mode,
            sentence=f"XLA makes some layers faster though not the whole step: {', '.join(names)}.",
            evidence=tuple(
                Number(f"{name} in {mode.mode}", _times(mode).get(name, 0.0), "s", "trace",
                       Link("layers", mode.mode, name))
                for name in list(saved)[:2]
                for mode in (plain, compiled)
            ),
            gain=gain,
            confidence=0.5,
            change="layer.call = tf.function(layer.call, jit_compile=True) for these layers, before"
            " the first step",
            refuted_by="With these layers compiled alone the step takes as long: borders cost more.",
            details=tuple(
                f"{name}: {units.seconds(seconds)} a traced step less with XLA"
                for name, seconds in saved.items()
            ),
            trial=WorkloadTrial(plain.mode, {"xla_layers": AND.join(names)}),
        )
    ]  # fmt: skip


def _times(mode: ModeEvidence) -> dict[str, float]:
    """Layer -> seconds of the traced step that its two passes take."""
    found: dict[str, float] = {}
    for row in mode.layers:
        if row.owner and row.in_pass in _PASSES:
            found[row.owner] = found.get(row.owner, 0.0) + row.wall_s
    return found


def _saved(plain: ModeEvidence, compiled: ModeEvidence, passes: int) -> dict[str, float]:
    """Layer -> seconds that XLA saves of it beyond what compiling it alone costs, the most first."""
    with_xla = _times(compiled)
    border = passes * BORDER_S[1]
    gaps = {
        name: seconds - with_xla[name]
        for name, seconds in _times(plain).items()
        if name in with_xla and seconds - with_xla[name] > border
    }
    return dict(sorted(gaps.items(), key=lambda one: -one[1])[:MOST_LAYERS])


def _loops(plain: ModeEvidence, saved: dict[str, float]) -> bool:
    """A loop's lists of tensors cannot cross the border between XLA and TensorFlow in training."""
    return any(row.owner in saved and "while/" in row.name for row in plain.ops)


def _gain(plain: ModeEvidence, saved: dict[str, float]) -> Interval:
    assert plain.step is not None
    total = sum(saved.values())
    least, likely, most = (
        max(0.0, total - 2 * len(saved) * border) for border in reversed(BORDER_S)
    )
    # Ops that lie side by side on two threads count for part of the step in the recording.
    return saving(plain.step, 0.5 * least, likely, most)


RULES = (
    Rule(
        causes=("xla_left_off_some_layers",),
        proof="The layers table has layers that take less of the traced step with XLA than without, by more than launching them apart costs, and the whole step gains less by XLA than they do together.",
        refutation="With these layers compiled alone the step takes as long.",
        find=find,
    ),
)
