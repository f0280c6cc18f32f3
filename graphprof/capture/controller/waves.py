"""All waves of a session: which workers live at the same time, and for how long they are timed."""

from __future__ import annotations

import math
import os
import random
import time

from graphprof.capture import environment
from graphprof.capture.controller import comparing, reference
from graphprof.capture.controller.crew import Arm, Crew, Surroundings
from graphprof.capture.controller.lockstep import first_calls, graphs, rounds, traces, warm_up

# A worker grows while it builds and compiles, beyond what it takes when its model is loaded.
_GROWTH = 1.5
_RESERVE_BYTES = 300 << 20
# However small the budget, a slow model may warm up for so long.
_WARM_UP_S = 2.0
# Loading TensorFlow keeps a core busy; more than a few at once only fight for the disk.
_START_AT_ONCE = min(4, os.cpu_count() or 1)


class Waves:
    """All waves of a session.

    Attributes:
        baseline: the mode that is in every wave, and twice in it where memory allows; the first
            mode that still works takes its place when it is lost.
    """

    def __init__(self, around: Surroundings, baseline: str) -> None:
        self.baseline = baseline
        self._around = around
        self._hash_seeds = random.Random(around.options.seed + 1)
        self._number = 0
        self._spent_s = 0.0
        # How many workers memory has room for; the first one that is ready tells.
        self._room: int | None = None
        # The modes that need new processes; None: all of them.
        self._wanted: set[str] | None = None

    def run(self) -> None:
        """Run waves until the answers are precise, or the budget or the modes that work run out."""
        for repetition in range(max(1, self._around.options.waves)):
            if not self._choose_baseline() or (repetition and self._enough(repetition)):
                return
            pending: list[tuple[str, Arm]] | None = None
            while (pending is None or pending) and self._choose_baseline():
                pending = self._wave(pending)
                self._around.ledger.save()

    def _wave(self, pending: list[tuple[str, Arm]] | None) -> list[tuple[str, Arm]]:
        """Run one wave with as many of ``pending`` as memory has room for; return the others."""
        around = self._around
        with Crew(around, self._number, self._new_hash_seed()) as crew:
            self._number += 1
            if self._room is None:
                self._scout(crew)
            if not self.baseline:
                return []
            pending = self._others() if pending is None else self._still(pending)
            size = max(1, (self._room or 2) - 1)
            groups = max(1, math.ceil(len(self._others()) / size))
            waves = max(1, around.options.waves) * groups
            arms: list[tuple[str, Arm]] = pending[:size]
            if not crew.has(self.baseline):
                arms.append((self.baseline, "mode"))
            around.rng.shuffle(arms)
            crew.start(arms, at_once=_START_AT_ONCE)
            self._run(crew, around.options.budget_s / waves)
        return pending[size:]

    def _run(self, crew: Crew, budget_s: float) -> None:
        first_calls(crew)
        gone = not crew.has(self.baseline) and crew.members
        if gone and self._choose_baseline(crew) and self._around.options.aa:
            # The one that was there twice is gone: another takes its place, and is doubled.
            first_calls(crew, crew.start([(self.baseline, "aa")]))
        comparing.keep_results(crew)
        warm_up(crew, max(_WARM_UP_S, budget_s / (2 * max(1, len(crew.members)))))
        began = time.perf_counter()
        try:
            later_s = max(0.0, self._around.options.budget_s - self._spent_s - budget_s)
            rounds(crew, budget_s, self.baseline, later_s)
        finally:
            self._spent_s += time.perf_counter() - began
        self._around.ledger.save()
        if self._around.options.trace:
            traces(crew)
            graphs(crew)
        with reference.beside(crew):
            comparing.examine_results(crew)
        self._around.residents.save(self._around.ledger.folder)

    def _scout(self, crew: Crew) -> None:
        """Start the baseline alone: it saves the weights, and shows how much memory a worker takes."""
        while self._choose_baseline():
            if crew.start([(self.baseline, "mode")]):
                need = crew.rss_bytes * _GROWTH + _RESERVE_BYTES
                more = int(environment.available_memory_bytes() // need)
                self._room = max(2, 1 + more)
                if self._room <= len(self._others()):
                    self._around.ledger.note(
                        f"Memory has room for {self._room} processes at a time: the modes were "
                        "measured in groups, each beside the baseline"
                    )
                return

    def _others(self) -> list[tuple[str, Arm]]:
        """The workers beside the baseline's own, in random order, its second one last to be left out."""
        around = self._around
        modes = [
            mode
            for mode in around.ledger.info.modes
            if mode not in around.lost
            and mode != self.baseline
            and (self._wanted is None or mode in self._wanted)
        ]
        around.rng.shuffle(modes)
        twice: list[tuple[str, Arm]] = [(self.baseline, "aa")] if around.options.aa else []
        return [*twice, *((mode, "mode") for mode in modes)]

    def _still(self, pending: list[tuple[str, Arm]]) -> list[tuple[str, Arm]]:
        """What is left of ``pending`` when the baseline may have changed in the meantime."""
        left: list[tuple[str, Arm]] = []
        for mode, arm in pending:
            if arm == "aa":
                left.append((self.baseline, "aa"))
            elif mode != self.baseline:
                left.append((mode, "mode"))
        return left

    def _new_hash_seed(self) -> int:
        seed = self._hash_seeds.randrange(2**32)
        environment_so_far = self._around.ledger.info.environment
        seeds = [*environment_so_far.get("hash_seeds", []), seed]
        self._around.ledger.describe(environment={**environment_so_far, "hash_seeds": seeds})
        return seed

    def _choose_baseline(self, crew: Crew | None = None) -> bool:
        """Keep the baseline, or take the first mode that works; False when none does."""
        around = self._around
        if self.baseline in around.lost:
            working = (
                mode
                for mode in around.ledger.info.modes
                if mode not in around.lost and (crew is None or crew.has(mode))
            )
            self.baseline = next(working, "")
        return bool(self.baseline)

    def _enough(self, waves: int) -> bool:
        """Whether after so many waves no more are needed, or the budget allows no more."""
        options, ledger = self._around.options, self._around.ledger
        if waves >= options.fewest_waves and options.imprecise is not None:
            self._wanted = set(options.imprecise(ledger.measurements(), self.baseline))
            if not self._wanted - self._around.lost:
                return True
        if self._spent_s < options.budget_s:
            return False
        ledger.note(
            "The steps are slow for the budget: fewer processes were measured than planned; "
            "a larger --budget measures more"
        )
        return True
