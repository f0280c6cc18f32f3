"""The memory of a report's modes as a table and as sentences."""

from __future__ import annotations

from collections.abc import Sequence

from graphprof import units
from graphprof.analysis.memory import resident
from graphprof.analysis.work import layers
from graphprof.report.cells import Cells
from graphprof.report.document import Report
from graphprof.report.memory import DeviceUse, ModeMemory, stages, title

# Owners that the table names.
_NAMED = 8
# A gap of so many bytes is told at first sight.
_LARGE_BYTES = 256 << 20
_PASSES = (("forward", "Activations"), ("backward", "Gradients"), ("optimizer", "Optimizer's own"))


def table(report: Report) -> Cells | None:
    """Memory by mode; None when nothing is known of it."""
    modes = [(mode.mode, mode.memory) for mode in report.modes if mode.memory is not None]
    known = [(mode, one) for mode, one in modes if one.rss or one.step_bytes is not None]
    if not known:
        return None
    root = layers.root({row.owner for _, one in known for row in one.alive if row.owner})
    rows = [
        ("A step needs", *(units.size(one.needed_bytes) for _, one in known)),
        ("and takes", *(units.size(one.step_bytes) for _, one in known)),
        ("on top of", *(units.size(one.before_bytes) for _, one in known)),
        ("and leaves behind", *(units.size(one.left_behind_bytes or None) for _, one in known)),
    ]
    for in_pass, what in _PASSES:
        rows.append((what, *(units.size(one.by_pass.get(in_pass)) for _, one in known)))
    for leader in _leading([one for _, one in known], root):
        held = ({title(row, root): row.bytes for row in one.alive} for _, one in known)
        rows.append((f"  {leader}", *(units.size(own.get(leader)) for own in held)))
    rows += [
        (
            "XLA's temporaries",
            *(units.size(_temporary(one)) for _, one in known),
        ),
        ("Weights", *(units.size(one.weights_bytes) for _, one in known)),
        ("Optimizer state", *(units.size(one.optimizer_bytes) for _, one in known)),
    ]
    for device in sorted({use.device for _, one in known for use in _apart(one)}):
        uses = ({use.device: use.peak_bytes for use in _apart(one)} for _, one in known)
        rows.append((f"{device}: peak", *(units.size(own.get(device)) for own in uses)))
    for stage, words in resident.STAGES:
        rows.append(
            (f"Process: {words}", *(units.size(stages(one).get(stage)) for _, one in known))
        )
    peaks = (one.rss.peak_bytes if one.rss else None for _, one in known)
    rows.append(("Process: peak", *map(units.size, peaks)))
    shown = tuple(row for row in rows if any(cell != units.NOT_MEASURED for cell in row[1:]))
    return Cells("Memory", ("Part", *(mode for mode, _ in known)), shown)


def _apart(one: ModeMemory) -> list[DeviceUse]:
    """Devices with memory of their own; what the CPU's allocator says is told in more detail."""
    return [use for use in one.devices if not use.device.startswith("CPU")]


def _temporary(one: ModeMemory) -> int | None:
    return one.plan.temporary_bytes if one.plan else None


def _leading(modes: Sequence[ModeMemory], root: str) -> list[str]:
    """Titles of the owners that hold most in any mode."""
    most: dict[str, int] = {}
    for one in modes:
        for row in one.alive:
            name = title(row, root)
            most[name] = max(most.get(name, 0), row.bytes)
    return sorted(most, key=lambda name: (-most[name], name))[:_NAMED]


def sentences(report: Report, *, full: bool) -> list[str]:
    """One sentence a mode: its memory against the baseline's; if not ``full``, large gaps alone."""
    known = {mode.mode: mode.memory for mode in report.modes if mode.memory}
    base = known.get(report.baseline or "")
    return [
        one.sentence
        for one in known.values()
        if one.sentence and (full or (base is not None and _gap(one, base) >= _LARGE_BYTES))
    ]


def _gap(one: ModeMemory, base: ModeMemory) -> int:
    """By how many bytes a mode's step or process differs from the baseline's."""
    pairs = (
        (one.needed_bytes, base.needed_bytes),
        (stages(one).get("block"), stages(base).get("block")),
    )
    gaps = (abs(left - right) for left, right in pairs if left is not None and right is not None)
    return max(gaps, default=0)
