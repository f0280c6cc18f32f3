"""Another mode that was measured is faster: take it, or leave what is slower alone."""

from __future__ import annotations

from graphprof import units
from graphprof.analysis.findings.base import WORTH_SAYING, Link, Number, Rule
from graphprof.analysis.findings.sessions.base import Proposal
from graphprof.analysis.findings.sessions.evidence import ModeEvidence, SessionEvidence
from graphprof.analysis.trials.whatif import saving
from graphprof.trials import Interval, ModeTrial

_MEASURED = 0.95
_ESTIMATED = 0.8
PER_OP_S = (2e-6, 5e-6, 2e-5)
"""What a graph needs for one op that eager dispatches, beside its kernel: least, likely, most."""

EAGER_DOUBT = 1.3
"""How far an eager step by hand may lie from one of Keras's eager loop, as a factor."""

KERAS_DOUBT = 1.1
"""How far what XLA saves in Keras's loop may lie from what it saves in one by hand, as a factor."""


def _times(mode: ModeEvidence) -> Number:
    return Number(
        f"step in {mode.mode}", mode.step_s or 0.0, "s", "steps", Link("steps", mode.mode)
    )


def _price(mode: ModeEvidence) -> tuple[Number, ...]:
    if mode.first_s is None:
        return ()
    link = Link("steps", mode.mode)
    return (Number(f"first step in {mode.mode}", mode.first_s, "s", "steps", link),)


def _repaid(mode: ModeEvidence, against: ModeEvidence) -> str:
    """After how many steps the first call of the faster mode is repaid."""
    if mode.first_s is None or against.first_s is None:
        return ""
    if mode.step_s is None or against.step_s is None:
        return ""
    price, saved = mode.first_s - against.first_s, against.step_s - mode.step_s
    if price <= 0 or saved <= 0:
        return ""
    return f"Its first step costs {units.seconds(price)} more: repaid after about {price / saved:.0f} steps."


def find_eager(evidence: SessionEvidence) -> list[Proposal]:
    """A mode that dispatches op by op, where a graph does the same in less time."""
    found = []
    for mode, instead in (("eager", "graph"), (f"{evidence.loop}-eager", evidence.loop)):
        slow = evidence.modes.get(mode)
        if slow is None:
            continue
        own = instead == evidence.loop
        gain = evidence.pair(instead, mode)
        measured = gain is not None
        gain = gain or _as_graph(slow)
        if gain is None or gain.value < WORTH_SAYING or gain.low <= 1:
            continue
        fast = evidence.modes.get(instead)
        found.append(
            Proposal(
                cause="run_eagerly_left_on" if own else "dispatch_bound_eager_loop",
                mode=mode,
                sentence=_eager_sentence(mode, instead, gain, measured),
                evidence=(
                    _times(slow),
                    *((_times(fast), *_price(fast)) if fast else ()),
                    slow.part("Python and dispatch in its step", "python", "dispatch"),
                ),
                gain=gain,
                confidence=_MEASURED if measured else _ESTIMATED,
                change="model.compile(..., run_eagerly=False)"
                if own
                else "Put @tf.function above the step function.",
                refuted_by=f"{instead} is not faster than {mode} when both are measured side by side.",
                details=tuple(filter(None, [_repaid(fast, slow) if fast else ""])),
                trial=ModeTrial(instead, mode),
                measured=measured,
            )
        )
    return found


def _eager_sentence(mode: str, instead: str, gain: Interval, measured: bool) -> str:
    ratio = units.ratio(gain.value)
    if measured:
        return f"Op by op from Python ({mode}), a step takes {ratio} as long as in a graph ({instead})."
    return f"Python and dispatch of single ops take most of a step in {mode}: a graph has neither."


def _as_graph(mode: ModeEvidence) -> Interval | None:
    """What a graph would save of an eager step, by its trace: Python and dispatch of each op."""
    step = mode.step
    if step is None:
        return None
    around = step.seconds("python", "dispatch")
    calls = sum(row.calls for row in mode.ops)
    least, likely, most = (max(0.0, around - calls * cost) for cost in reversed(PER_OP_S))
    return saving(step, least, likely, most)


def find_compiled_eagerly(evidence: SessionEvidence) -> list[Proposal]:
    """The user's own ``compile`` says ``run_eagerly=True``; no mode here ran it so but one."""
    loop = evidence.loop
    if not evidence.workload.get("compiled_run_eagerly") or f"{loop}-eager" in evidence.modes:
        return []  # where that mode was measured, find_eager has its ratio
    slow, fast = (
        evidence.modes.get("eager"),
        evidence.modes.get(loop) or evidence.modes.get("graph"),
    )
    if slow is None or fast is None:
        return []
    gain = evidence.pair(fast.mode, slow.mode)
    if gain is None or gain.low <= 1:
        return []
    return [
        Proposal(
            cause="run_eagerly_left_on",
            mode=f"{loop}-eager",
            sentence=(
                "compile() says run_eagerly=True: Keras runs op by op, which in a loop by hand takes"
                f" {units.ratio(gain.value)} as long as {fast.mode}."
            ),
            evidence=(_times(slow), _times(fast), *_price(fast)),
            # Keras's own loop around eager ops is not the one that was measured.
            gain=Interval(gain.value, gain.low / EAGER_DOUBT, gain.high * EAGER_DOUBT),
            confidence=0.9,
            change="model.compile(..., run_eagerly=False)",
            refuted_by=f"{loop} is not faster than {loop}-eager when both are measured side by side.",
            trial=ModeTrial(loop, f"{loop}-eager"),
        )
    ]


def find_xla(evidence: SessionEvidence) -> list[Proposal]:
    """XLA is worth it, or it is not."""
    found = []
    pairs = (("xla", "graph"), (f"{evidence.loop}-xla", evidence.loop))
    for mode, without in pairs:
        if mode not in evidence.modes or without not in evidence.modes:
            continue
        compiled, plain = evidence.modes[mode], evidence.modes[without]
        numbers = (_times(compiled), _times(plain), *_price(compiled))
        keras = without == evidence.loop
        better = evidence.faster(mode, without)
        if better is not None and better.value >= WORTH_SAYING and compiled.parity != "failed":
            own = None if keras else _for_keras(evidence, compiled, plain, better, numbers)
            found.append(own or _leave_on(evidence, compiled, plain, better, numbers, keras))
        worse = evidence.faster(without, mode)
        if worse is not None and worse.value >= WORTH_SAYING:
            found.append(_leave_off(compiled, plain, worse, numbers, keras))
    return found


def _leave_on(
    evidence: SessionEvidence,
    compiled: ModeEvidence,
    plain: ModeEvidence,
    gain: Interval,
    numbers: tuple[Number, ...],
    keras: bool,
) -> Proposal:
    change = "model.compile(..., jit_compile=True)" if keras else "@tf.function(jit_compile=True)"
    if not keras and evidence.keras:
        change += " (in Keras: model.compile(..., jit_compile=True))"
    return Proposal(
        cause="xla_left_off",
        mode=plain.mode,
        sentence=f"XLA makes a step {units.ratio(gain.value)} faster than {plain.mode} alone.",
        evidence=numbers,
        gain=gain,
        confidence=_MEASURED,
        change=change,
        refuted_by=f"{compiled.mode} is not faster than {plain.mode} when both are measured again.",
        details=tuple(filter(None, [_repaid(compiled, plain)])),
        trial=ModeTrial(compiled.mode, plain.mode),
        measured=True,
    )


def _for_keras(
    evidence: SessionEvidence,
    compiled: ModeEvidence,
    plain: ModeEvidence,
    gain: Interval,
    numbers: tuple[Number, ...],
) -> Proposal | None:
    """What XLA saves of the graph's step, saved of Keras's own: it was measured without XLA alone."""
    loop = evidence.modes.get(evidence.loop)
    if loop is None or loop.jit or f"{loop.mode}-xla" in evidence.modes:
        return None
    against = evidence.pair(plain.mode, loop.mode)
    # What Keras adds to the step is not compiled away. Never below 1: it adds nothing at least.
    longer = max(1.0, against.value) if against is not None else 1.0
    value, low, high = (
        longer / (longer - (1 - 1 / one)) for one in (gain.value, gain.low, gain.high)
    )
    return Proposal(
        cause="xla_left_off",
        mode=loop.mode,
        sentence=(
            f"XLA makes the step of {plain.mode} {units.ratio(gain.value)} faster; {loop.mode} does"
            " without it."
        ),
        evidence=(*numbers, _times(loop)),
        gain=Interval(value, low / KERAS_DOUBT, high * KERAS_DOUBT),
        confidence=_ESTIMATED,
        change="model.compile(..., jit_compile=True)",
        refuted_by=f"{loop.mode}-xla is not faster than {loop.mode} when both are measured.",
        details=tuple(filter(None, [_repaid(compiled, plain)])),
        trial=ModeTrial(f"{loop.mode}-xla", loop.mode),
    )


def _leave_off(
    compiled: ModeEvidence,
    plain: ModeEvidence,
    gain: Interval,
    numbers: tuple[Number, ...],
    keras: bool,
) -> Proposal:
    guilty = slower_owners(compiled, plain)
    names = ", ".join(owner for owner, _ in guilty[:2])
    whose = f", above all for {names}" if names else ""
    details = tuple(
        f"{owner}: {units.seconds(more)} a traced step more with XLA" for owner, more in guilty[:3]
    )
    flag = "jit_compile=False"
    change = f"model.compile(..., {flag})" if keras else f"Leave {flag} at tf.function."
    if names:
        change += f" (or compile only what lies around {names})"
    return Proposal(
        cause="xla_slower",
        mode=compiled.mode,
        sentence=f"XLA's code takes {units.ratio(gain.value)} as long as {plain.mode}{whose}.",
        evidence=numbers,
        gain=gain,
        confidence=_MEASURED,
        change=change,
        refuted_by=f"{plain.mode} is not faster than {compiled.mode} when both are measured again.",
        details=details,
        trial=ModeTrial(plain.mode, compiled.mode),
        measured=True,
    )


def slower_owners(mode: ModeEvidence, against: ModeEvidence) -> list[tuple[str, float]]:
    """Layers whose ops take longer in ``mode``, seconds of the traced step, the largest first."""
    gaps: dict[str, float] = {}
    for side, sign in ((mode, 1.0), (against, -1.0)):
        for row in side.layers:
            if row.owner:
                name = row.owner.rsplit("/", 1)[-1]
                gaps[name] = gaps.get(name, 0.0) + sign * row.op_s
    total = sum(gap for gap in gaps.values() if gap > 0)
    large = [(owner, gap) for owner, gap in gaps.items() if gap > 0.2 * total > 0]
    return sorted(large, key=lambda one: -one[1])


RULES = (
    Rule(
        causes=("dispatch_bound_eager_loop", "run_eagerly_left_on"),
        proof="The eager mode and the graph were timed side by side (or, where only eager was, its trace says how much of a step is Python and dispatch), and the interval of their ratio lies above 1.",
        refutation="The graph is not faster: kernels take the time.",
        find=find_eager,
    ),
    Rule(
        causes=("run_eagerly_left_on",),
        proof="The model was compiled with run_eagerly=True, which no mode but Keras's eager loop keeps, and the eager mode takes longer than the graph.",
        refutation="Keras's loop is not faster without run_eagerly.",
        find=find_compiled_eagerly,
    ),
    Rule(
        causes=("xla_left_off", "xla_slower"),
        proof="The same mode was timed with and without XLA side by side, and the interval of their ratio does not contain 1; for what is slower, the layers say in which ops.",
        refutation="With and without XLA take the same time.",
        find=find_xla,
    ),
)
