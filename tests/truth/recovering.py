"""What was planted (``planting.py``) against what the division of the trace gives back.

The steps with a cost are held against the plain ones of the same trace, by medians of the quieter
half of each: what disturbs a step makes it longer. The planted time
is what was measured inside the injection; of a cost that cannot be measured there (matrices
multiplied in a graph, a retrace, a compilation) it is the difference in the steps' wall time, which
was measured around the mark with another clock than the trace's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphprof.analysis.work import breakdown
from graphprof.analysis.work.breakdown import Breakdown
from graphprof.trace.kinds import KIND_IDS

# The kinds that a case belongs to. Reading a tensor back is a copy made by Python itself. A function
# that is built anew is compiled anew under XLA; and a new shape compiles without building.
EXPECTED: dict[str, tuple[str, ...]] = {
    "python": ("python",),
    "input": ("input",),
    "py_function": ("py_function",),
    "matmul": ("op",),
    "sync": ("python", "dispatch"),
    "retrace": ("build", "compile"),
    "shape": ("compile",),
    "value": ("compile",),
}


@dataclass(frozen=True)
class Recovered:
    """One case of one recording.

    Attributes:
        case: what was planted.
        steps: in how many steps.
        planted_s: median seconds that it took.
        found_s: median seconds that its kinds have beyond the plain steps'.
        leaked_s: the same of all other kinds together.
        by_kind_s: the same by kind.
    """

    case: str
    steps: int
    planted_s: float
    found_s: float
    leaked_s: float
    by_kind_s: dict[str, float]

    @property
    def error(self) -> float:
        """Relative error of what was found."""
        return self.found_s / self.planted_s - 1


class Recordings:
    """What a process left behind.

    Args:
        folder: its folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.truth: dict[str, Any] = json.loads((folder / "truth.json").read_text())

    def path(self, name: str) -> Path:
        """The trace of a recording."""
        (found,) = (self.folder / name).glob("plugins/profile/*/*.xplane.pb")
        return found

    def divided(self, name: str) -> Breakdown:
        """The divided steps of a recording, checked to sum to the steps."""
        result = breakdown.read(self.path(name))
        result.self_check()
        return result

    def cases(self, name: str) -> list[str]:
        """The cases of a recording beside the plain one."""
        return sorted(set(self.truth[name]["order"].values()) - {"plain"})

    def expected(self, case: str) -> tuple[str, ...]:
        """The kinds that a case belongs to."""
        return EXPECTED[case]

    def steps_of(self, name: str, result: Breakdown, case: str) -> NDArray[np.bool_]:
        """Which of the divided steps are of a case."""
        order = self.truth[name]["order"]
        return np.array([order.get(str(number)) == case for number in result.step_nums])

    def quiet(self, name: str, result: Breakdown, case: str) -> NDArray[np.bool_]:
        """The quieter half of the steps of a case."""
        rows, wall_s = self.steps_of(name, result, case), self.wall_s(name, result)
        return rows & (wall_s <= np.median(wall_s[rows]))

    def wall_s(self, name: str, result: Breakdown) -> NDArray[np.float64]:
        """What the clock around the steps says."""
        walls = self.truth[name]["wall"]
        return np.array([walls[str(number)] for number in result.step_nums])

    def planted_s(self, name: str, result: Breakdown, case: str) -> NDArray[np.float64]:
        """Seconds that the case took, by quiet step of that case."""
        rows, wall_s = self.quiet(name, result, case), self.wall_s(name, result)
        spent = [self.truth[name]["spent"].get(str(number)) for number in result.step_nums[rows]]
        if all(seconds is not None for seconds in spent):
            return np.array(spent)
        return wall_s[rows] - np.median(wall_s[self.quiet(name, result, "plain")])

    def recovered(self, name: str, result: Breakdown, case: str) -> Recovered:
        """What of a case came back, and where."""
        rows, plain = (self.quiet(name, result, wanted) for wanted in (case, "plain"))
        planted = self.planted_s(name, result, case)
        beyond = (result.parts_ps[rows] - np.median(result.parts_ps[plain], axis=0)) / 1e12
        expected = np.isin(KIND_IDS, EXPECTED[case])
        # Per step, so that a slow moment of the machine is in both sides of one difference.
        found = np.median(beyond[:, expected].sum(axis=1) / planted) * np.median(planted)
        return Recovered(
            case=case,
            steps=int(rows.sum()),
            planted_s=float(np.median(planted)),
            found_s=float(found),
            leaked_s=float(np.median(beyond[:, ~expected].sum(axis=1))),
            by_kind_s=dict(zip(KIND_IDS, np.median(beyond, axis=0).tolist(), strict=True)),
        )

    def unclosed(self, name: str, result: Breakdown) -> float:
        """The largest difference between a step's parts and its length, relative to it."""
        sums = result.parts_ps.sum(axis=1)
        return float(np.max(np.abs(sums - result.wall_ps) / result.wall_ps))

    def clocks(self, name: str, result: Breakdown) -> float:
        """The median difference between the parts' sum and the clock around the step, relative."""
        sums_s = result.parts_ps.sum(axis=1) / 1e12
        return float(np.median(sums_s / self.wall_s(name, result)) - 1)
