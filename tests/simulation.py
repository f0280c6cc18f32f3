"""Simulated sessions in which the true ratio is known, noisy in the ways real machines are.

The sizes are those measured on shared virtual machines with two processors: what the machine does
is common to all modes and sticks together for seconds (20 %), a neighbour halves its speed from
time to time, modes feel the machine unequally for seconds (3 %), processes of one mode differ by
1 to 2 %, the measured ratio of two modes by 2.5 to 5.4 % from one session to the next, and steps
in a process follow each other with a correlation of 0.6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Array = NDArray[np.float64]

PROCESS_SDS = (0.009, 0.014, 0.017, 0.021)
"""Between processes of one mode, as measured for four modes."""
SESSION_SDS = (0.025, 0.042, 0.054)
"""Of the measured ratio of two modes between sessions of one wave, its own error included."""
OWN_ERROR = 0.03
"""That own error: 2 % from round to round and 2 % from modes feeling the machine unequally."""


@dataclass(frozen=True)
class World:
    """What a session is like.

    Attributes:
        waves: waves of new processes.
        rounds: rounds in each wave.
        calls: timed calls in each block.
        slot_s: seconds of a block.
        common: standard deviation of the machine's slow common noise.
        neighbour: log slow-down while the neighbour is busy.
        unequal: standard deviation of what the machine does to one mode and not to the others.
        within: standard deviation of a step within a process.
        correlation: of neighbouring steps.
        spikes: share of calls that take three times as long.
        disturbed: standard deviation, from wave to wave, of the log of how strong all noise is.
        process_sds: standard deviations between processes; each session draws one.
        session_sds: of the measured ratio between modes from session to session; likewise.
    """

    waves: int = 2
    rounds: int = 100
    calls: int = 8
    slot_s: float = 0.06
    common: float = 0.2
    neighbour: float = 0.7
    unequal: float = 0.03
    within: float = 0.15
    correlation: float = 0.6
    spikes: float = 0.02
    disturbed: float = 0.0
    process_sds: tuple[float, ...] = PROCESS_SDS
    session_sds: tuple[float, ...] = SESSION_SDS


@dataclass(frozen=True)
class Simulated:
    """Log step times of a session.

    Attributes:
        calls: (waves, arms, rounds, calls), the first call of each block included.
        starts: (waves, arms): what each process differs by, the mode's true log step time
            included: the truth that the narrow interval is about.
        machine: (waves, slots): log slow-down of the machine, which nobody can measure.
    """

    calls: Array
    starts: Array
    machine: Array

    @property
    def blocks(self) -> Array:
        """Log block medians, (waves, arms, rounds)."""
        kept = self.calls[..., 1:] if self.calls.shape[-1] > 1 else self.calls
        return np.asarray(np.median(kept, axis=-1))

    def pairs(self, arm: int, baseline: int = 0) -> list[Array]:
        """Log-ratios by wave."""
        blocks = self.blocks
        return [wave[arm] - wave[baseline] for wave in blocks]


def session(rng: np.random.Generator, effects: tuple[float, ...], world: World) -> Simulated:
    """Simulate a session.

    Args:
        effects: true log step time of the arms from the third on; the first two run one mode
            whose log step time is 0.
    """
    arms = 2 + len(effects)
    waves, rounds = world.waves, world.rounds
    process_sd = rng.choice(world.process_sds)
    # What sets modes apart from start to start, beyond their processes and the error of measuring.
    extra = rng.choice(world.session_sds) ** 2 - 2 * process_sd**2 - OWN_ERROR**2
    starts = np.array([0.0, 0.0, *effects]) + rng.normal(0, process_sd, (waves, arms))
    starts[:, 2:] += rng.normal(0, np.sqrt(max(0.0, extra)), (waves, len(effects)))
    slots = rounds * arms
    machine = np.stack([_machine(rng, slots, world) for _ in range(waves)])
    own = world.unequal * _ar1(rng, (waves, arms, slots), np.exp(-world.slot_s / 5))
    own[:, 1] = own[:, 0]  # the baseline and its A/A arm run one mode and feel the machine alike
    order = rng.permuted(np.tile(np.arange(arms), (waves, rounds, 1)), axis=-1)
    position = np.argsort(order, axis=-1).transpose(0, 2, 1)
    place = position + arms * np.arange(rounds)
    state = np.take_along_axis(machine[:, None, :] + own, place, axis=-1)
    calls = steps(rng, (waves, arms, rounds * world.calls), world)
    calls = calls.reshape(waves, arms, rounds, world.calls)
    calls[..., 0] += 0.5
    strength = np.exp(world.disturbed * rng.normal(size=waves))[:, None, None, None]
    noise = strength * (calls + state[..., None])
    return Simulated(noise + starts[..., None, None], starts, strength[:, 0, 0] * machine)


def _machine(rng: np.random.Generator, slots: int, world: World) -> Array:
    """Log slow-down of the machine in each slot: waves of 5 s and 0.3 s, and a busy neighbour."""
    total = np.zeros(slots)
    for seconds, share in ((5.0, 0.8), (0.3, 0.6)):
        total += share * world.common * _ar1(rng, (slots,), np.exp(-world.slot_s / seconds))
    flips = rng.random(slots) < world.slot_s / 2.0
    busy = (np.cumsum(flips) + rng.integers(2)) % 2
    return np.asarray(total + world.neighbour * busy)


def steps(rng: np.random.Generator, shape: tuple[int, ...], world: World) -> Array:
    """Log step times of a process as they follow each other, along the last axis."""
    noise = world.within * _ar1(rng, shape, world.correlation)
    return np.asarray(noise + np.log(3) * (rng.random(shape) < world.spikes))


def _ar1(rng: np.random.Generator, shape: tuple[int, ...], correlation: float) -> Array:
    """Standard normal values, neighbours along the last axis correlated, stationary."""
    shocks = rng.normal(size=shape) * np.sqrt(1 - correlation**2)
    shocks[..., 0] /= np.sqrt(1 - correlation**2)
    return np.asarray(lfilter([1.0], [1.0, -correlation], shocks, axis=-1))
