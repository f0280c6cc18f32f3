"""A run's memory as the report shows it, and what one mode needs more of than the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from graphprof import units
from graphprof.analysis.memory import footprint, resident
from graphprof.analysis.memory.footprint import GAPS, Footprint, Row
from graphprof.analysis.work import layers
from graphprof.errors import GraphprofError
from graphprof.session import RunFolder
from graphprof.trace.labels import PASSES
from graphprof.trace.model import Trace

KEPT = "kept"
"""The pass of what was taken before the step began in which it is seen."""

# Differences below are not worth a sentence: allocators round up by as much.
_NOTABLE = 1.1
# Processes of one and the same mode differ by some MiB.
_NOTABLE_RSS_BYTES = 16 << 20


@dataclass(frozen=True)
class Alive:
    """What an owner holds at the peak; see ``docs/memory.md``.

    Attributes:
        owner: path of the layer, or name of the loss, optimizer or metric; empty when unknown.
        in_pass: the pass; ``gaps`` for what no result fills, ``kept`` for what was taken before the
            step began.
        bytes: what it holds.
        share: of what was taken in the step and is alive at its peak, 0 to 1.
        tensors: how many pieces.
        largest: the op or XLA instruction that took the largest.
        largest_bytes: its size.
        shape: its shape, or empty.
    """

    owner: str
    in_pass: str
    bytes: int
    share: float
    tensors: int
    largest: str
    largest_bytes: int
    shape: str


@dataclass(frozen=True)
class PlanSizes:
    """XLA's plan of the step, bytes.

    Attributes:
        temporary_bytes: what a call takes and gives back.
        needed_bytes: of it, results that are needed at the same time.
        parameter_bytes: weights, optimizer state and inputs that are handed in.
        output_bytes: results with a place of their own.
        constant_bytes: values that were known when it was compiled.
        modules: how many compiled modules ran in the steps; the plan is the largest one's.
    """

    temporary_bytes: int
    needed_bytes: int
    parameter_bytes: int
    output_bytes: int
    constant_bytes: int
    modules: int


@dataclass(frozen=True)
class Growing:
    """The resident set over the timed blocks.

    Attributes:
        bytes_per_step: slope.
        low: lower end of its 95 % interval.
        high: upper end.
        total_bytes: from the first block to the last.
        steps: between them.
        grows: whether that is more than chance and more than the system's counting error.
    """

    bytes_per_step: float
    low: float
    high: float
    total_bytes: int
    steps: int
    grows: bool


@dataclass(frozen=True)
class ResidentSet:
    """What the system gave to the mode's processes, bytes: medians over them.

    Attributes:
        stages: ``imports``, ``loading``, ``first``, ``warmup``, ``block`` (the last one) -> after it.
        peak_bytes: the largest at any moment of any of them, or None.
        traced_peak_bytes: the largest while a trace was recorded, or None.
        growth: over the timed blocks, or None where too few were timed.
    """

    stages: dict[str, int]
    peak_bytes: int | None
    traced_peak_bytes: int | None
    growth: Growing | None


@dataclass(frozen=True)
class DeviceUse:
    """What a device's own account says of the traced calls and those around them, bytes."""

    device: str
    before_bytes: int
    peak_bytes: int
    after_bytes: int
    since_start: bool


@dataclass(frozen=True)
class ModeMemory:
    """A mode's memory, bytes.

    Attributes:
        step_bytes: how far the step with the highest peak rises above its start; what XLA's plan
            takes where the allocator recorded nothing; or None.
        needed_bytes: what was asked for in that step and is alive at its peak: without what the
            allocator gives beyond that; or None.
        source: ``allocator``, ``plan`` or None: what ``step_bytes`` is from.
        peak_bytes: the allocator's highest level in a traced step, or None.
        before_bytes: its level as that step began (weights, batches), or None.
        allocator: its name, or None.
        counts_from_bytes: it leaves out tensors of fewer bytes; 0 when it counts all.
        left_behind_bytes: what each traced step leaves behind, 0 unless every one does; None where it
            is not known.
        why_not: why there is no allocator, one sentence, or None.
        alive: what was taken in the step and is alive at its peak, the largest first.
        by_pass: pass -> bytes of ``alive``: ``forward`` are activations, ``backward`` gradients and
            what is needed to make them; ``gaps`` is left out.
        plan: XLA's, or None.
        weights_bytes: the model's variables, or None.
        trainable_bytes: of them, those that have gradients.
        optimizer_bytes: the optimizer's state, or None.
        rss: resident sets, or None.
        devices: devices that keep an account.
        sentence: what it needs against the baseline, or None.
        problem: what could not be read, or None.
    """

    step_bytes: int | None = None
    needed_bytes: int | None = None
    source: str | None = None
    peak_bytes: int | None = None
    before_bytes: int | None = None
    allocator: str | None = None
    counts_from_bytes: int | None = None
    left_behind_bytes: int | None = None
    why_not: str | None = None
    alive: tuple[Alive, ...] = ()
    by_pass: dict[str, int] = field(default_factory=dict)
    plan: PlanSizes | None = None
    weights_bytes: int | None = None
    trainable_bytes: int | None = None
    optimizer_bytes: int | None = None
    rss: ResidentSet | None = None
    devices: tuple[DeviceUse, ...] = ()
    sentence: str | None = None
    problem: str | None = None


def of_run(folder: RunFolder, trace: Trace | None = None) -> ModeMemory:
    """A run's memory; what cannot be read is said in ``problem``.

    Args:
        folder: the run.
        trace: its trace with ``footprint.STATS``, when it was read already.
    """
    try:
        return of_footprint(footprint.of_run(folder, trace))
    except GraphprofError as error:
        return ModeMemory(problem=str(error))


def of_footprint(found: Footprint) -> ModeMemory:
    """A run's memory from its analysis."""
    memory = found.memory
    told = found.record.told if found.record else None
    total = sum(row.size for row in found.rows)
    source = "allocator" if memory else "plan" if found.plan else None
    return ModeMemory(
        step_bytes=found.step_bytes,
        needed_bytes=found.needed_bytes,
        source=source,
        peak_bytes=memory.peak if memory else None,
        before_bytes=memory.peak_step.before if memory else None,
        allocator=memory.allocator if memory else None,
        counts_from_bytes=memory.counts_from if memory else None,
        left_behind_bytes=memory.left_behind if memory else None,
        why_not=found.why_not,
        alive=tuple(_alive(row, total) for row in found.rows),
        by_pass=_by_pass(found.rows),
        plan=_plan(found),
        weights_bytes=found.weights,
        trainable_bytes=found.trainable,
        optimizer_bytes=found.optimizer,
        rss=_resident(found.resident),
        devices=tuple(
            DeviceUse(one.device, one.before, one.peak, one.after, not one.reset)
            for one in (told.devices if told else ())
        ),
    )


def _alive(row: Row, total: int) -> Alive:
    in_pass = GAPS if row.largest.op == GAPS else KEPT if row.kept else row.in_pass
    largest = row.largest
    share = row.size / total if total else 0.0
    return Alive(
        *(row.owner, in_pass, row.size, share, row.tensors),
        *(largest.op, largest.size, largest.shape),
    )


def _by_pass(rows: Sequence[Row]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in rows:
        if row.largest.op != GAPS and not row.kept:
            sums[row.in_pass] = sums.get(row.in_pass, 0) + row.size
    return {one: sums[one] for one in PASSES if one in sums}


def _plan(found: Footprint) -> PlanSizes | None:
    if found.plan is None:
        return None
    plan = found.plan.plan
    needed = int(plan.levels.max()) if len(plan.levels) else 0
    sizes = (plan.temporary, needed, plan.parameters, plan.outputs, plan.constants)
    return PlanSizes(*sizes, modules=found.plan.modules)


def _resident(found: resident.Resident | None) -> ResidentSet | None:
    if found is None:
        return None
    return ResidentSet(found.stages, found.peak, found.traced_peak, _growing(found.growth))


def _growing(growth: resident.Growth | None) -> Growing | None:
    if growth is None:
        return None
    slope = (growth.bytes_per_step, growth.low, growth.high)
    return Growing(*slope, growth.total, growth.steps, growth.grows)


def compared(
    modes: Sequence[tuple[str, ModeMemory]], baseline: str | None
) -> dict[str, ModeMemory]:
    """The modes' memory, each with a sentence that holds it against the baseline's."""
    by_mode = dict(modes)
    base = by_mode.get(baseline or "")
    root = layers.root({row.owner for _, one in modes for row in one.alive if row.owner})
    return {
        mode: replace(one, sentence=sentence(mode, one, str(baseline), base, root))
        if base is not None and mode != baseline
        else one
        for mode, one in modes
    }


def sentence(
    mode: str, one: ModeMemory, baseline: str, base: ModeMemory, root: str = ""
) -> str | None:
    """What a mode's step takes against the baseline's, and who holds most; None when not known.

    Args:
        mode: its name.
        one: its memory.
        baseline: the baseline's name.
        base: its memory.
        root: what all layers' paths begin with, left out.
    """
    parts = [_step_part(mode, one, baseline, base, root), _rss_part(mode, one, base)]
    known = [part for part in parts if part]
    return " ".join(known) or None


def _step_part(
    mode: str, one: ModeMemory, baseline: str, base: ModeMemory, root: str
) -> str | None:
    mine, other = one.needed_bytes, base.needed_bytes
    if not mine or not other:
        return None
    taken = f"{units.size(mine)} against {units.size(other)}"
    if max(mine, other) < _NOTABLE * min(mine, other):
        said = f"Steps of {mode} and {baseline} need about the same memory: {taken}"
    elif mine > other:
        said = f"A step of {mode} needs {units.ratio(mine / other, 2)} the memory of {baseline}: {taken}"
        most = next((row for row in one.alive if row.owner), None)
        if most is not None:
            said += f"; {title(most, root)} holds {units.size(most.bytes)} of it"
    else:
        said = f"A step of {mode} needs {units.share(mine / other)} of the memory of {baseline}: {taken}"
    return f"{said}{_uncounted(mode, one, baseline, base)}."


def _uncounted(mode: str, one: ModeMemory, baseline: str, base: ModeMemory) -> str:
    """What a comparison leaves out: an allocator that does not count small tensors."""
    # A plan is taken in one piece, small results included.
    partial = [
        name
        for name, side in ((mode, one), (baseline, base))
        if side.counts_from_bytes and side.plan is None
    ]
    if not partial:
        return ""
    least = max(one.counts_from_bytes or 0, base.counts_from_bytes or 0)
    return f" (without tensors below {units.size(least)} in {' and '.join(partial)})"


def _rss_part(mode: str, one: ModeMemory, base: ModeMemory) -> str | None:
    """What the process takes more, and since when."""
    mine, other = stages(one), stages(base)
    if "block" not in mine or "block" not in other:
        return None
    gap = mine["block"] - other["block"]
    if abs(gap) < _NOTABLE_RSS_BYTES:
        return None
    said = f"The process of {mode} takes {units.size(abs(gap))} {'more' if gap > 0 else 'less'}"
    if "first" in mine and "loading" in mine and "first" in other and "loading" in other:
        building = (mine["first"] - mine["loading"]) - (other["first"] - other["loading"])
        if building * gap > 0 and abs(building) > abs(gap) / 2:
            said += f", {units.size(abs(building))} of it since the first call, which builds and compiles"
    return f"{said}."


def stages(one: ModeMemory) -> dict[str, int]:
    """Resident sets by stage; empty when none were noted."""
    return one.rss.stages if one.rss else {}


def title(row: Alive, root: str) -> str:
    """An owner in words; ``root`` is what all layers' paths begin with."""
    if row.in_pass == GAPS:
        return "space that nothing fills"
    if row.in_pass == KEPT:
        return f"{row.owner.removeprefix(root) or 'no known layer'}, kept from before the step"
    name = row.owner.removeprefix(root)
    return f"{name} {row.in_pass}" if name else f"no known layer, {row.in_pass}"
