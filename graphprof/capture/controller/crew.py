"""The workers of one wave: starting them, asking them, losing them."""

from __future__ import annotations

import dataclasses
import os
import random
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Concatenate, Literal, ParamSpec

from graphprof import session as disk
from graphprof.analysis.results.parity_file import PARITY_FILE
from graphprof.capture import protocol, variants
from graphprof.capture.controller.child import Child, Lost, any_answered, ask_and_wait
from graphprof.capture.controller.ledger import Ledger, ProcessBook
from graphprof.capture.controller.machine import Watch
from graphprof.capture.controller.options import Options
from graphprof.capture.controller.progress import Progress
from graphprof.capture.controller.resident import Residents, Who
from graphprof.capture.controller.stop import Stop
from graphprof.capture.spec import WorkloadSpec
from graphprof.errors import UsageError, WorkloadError
from graphprof.session import Failure

# Time for dismissed workers to end by themselves, seconds; then they are killed.
_LEAVE_S = 5.0
# So many of the latest block medians say how long a call takes now.
_RECENT = 5

Arm = Literal["mode", "aa"]
P = ParamSpec("P")


@dataclass
class Surroundings:
    """What all waves of a session share.

    Attributes:
        spec: the workload.
        options: how to measure.
        ledger: where results go.
        progress: who wants to know.
        stop: whether the user wants to finish.
        watch: the machine.
        weights: file of the initial weights; the first worker that is ready has written it.
        rng: source of all random orders.
        rounds: rounds begun so far, over all waves.
        lost: modes that are not started again.
        parity_steps: after how many steps the modes are compared; None until the first wave says.
        early: modes of which a process was asked to trace its first calls.
        described: modes that were asked to describe their graphs.
        residents: what memory the workers take.
    """

    spec: WorkloadSpec
    options: Options
    ledger: Ledger
    progress: Progress
    stop: Stop
    watch: Watch
    weights: Path
    rng: random.Random
    rounds: int = 0
    lost: set[str] = field(default_factory=set)
    parity_steps: int | None = None
    early: set[str] = field(default_factory=set)
    described: set[str] = field(default_factory=set)
    residents: Residents = field(default_factory=Residents)


class Member:
    """A worker with what it has measured.

    Attributes:
        steps_per_call: steps in each of its calls.
        keeps_results: whether it is to keep what its first steps compute; then, whether it has.
    """

    def __init__(self, child: Child, book: ProcessBook) -> None:
        self.child = child
        self.book = book
        self.recent_s: list[float] = []
        self.steps_per_call = 1
        self.keeps_results = False

    @property
    def mode(self) -> str:
        """The mode it runs."""
        return self.child.mode

    @property
    def call_s(self) -> float:
        """Seconds that a call takes about now."""
        return statistics.median(self.recent_s[-_RECENT:])


class Crew:
    """Workers that live at the same time; they end with the ``with`` block.

    Attributes:
        around: what all waves share.
        members: the workers that are there.
        rss_bytes: the largest resident set of a worker whose model is ready, 0 before that.

    Args:
        wave: its number, from 0.
        hash_seed: PYTHONHASHSEED of its workers.
    """

    def __init__(self, around: Surroundings, wave: int, hash_seed: int) -> None:
        self.around = around
        self.members: list[Member] = []
        self.rss_bytes = 0
        self._wave = wave
        self._variables = {**worker_variables(), "PYTHONHASHSEED": str(hash_seed)}

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or issubclass(kind, Exception):
            for member in self.members:
                member.child.dismiss()
            until = time.monotonic() + _LEAVE_S
            for member in self.members:
                # One that stands in a call does not hear it.
                if member.child.asked is None:
                    member.child.leave(until)
        for member in self.members:
            member.child.end()

    def has(self, mode: str) -> bool:
        """Whether the worker of ``mode`` itself is there."""
        return any(m.mode == mode and m.child.arm == "mode" for m in self.members)

    def start(self, arms: Sequence[tuple[str, Arm]], at_once: int = 1) -> list[Member]:
        """Start workers and wait until each is ready or lost.

        Args:
            arms: (mode, arm) of each.
            at_once: how many may load at the same time.

        Returns:
            Those that are ready.
        """
        waiting = list(arms)
        loading: list[Member] = []
        started: list[Member] = []
        while waiting or loading:
            while waiting and len(loading) < at_once:
                member = self._launch(*waiting.pop(0))
                if self.attempt(member, self._prepare):
                    loading.append(member)
            if not loading:
                continue
            try:
                answered = any_answered([m.child for m in loading], self.around.stop)
            except Lost as lost:
                self._lose(lost)
                loading = [m for m in loading if m.child is not lost.child]
                continue
            for member in [m for m in loading if m.child in answered]:
                loading.remove(member)
                if self.attempt(member, self._ready):
                    started.append(member)
        return started

    def _launch(self, mode: str, arm: Arm) -> Member:
        around = self.around
        what = "starting a second process (A/A)" if arm == "aa" else "starting"
        around.progress.doing(mode, f"{what}: loading TensorFlow and the model")
        log = disk.graphprof_folder(around.ledger.folder / mode) / disk.WORKER_LOG
        child = Child(mode, arm, log, self._variables, around.options.command)
        member = Member(child, ProcessBook(self._wave, arm, child.pid))
        self.members.append(member)
        around.ledger.open_book(mode, member.book)
        return member

    def _prepare(self, member: Member) -> None:
        around = self.around
        mode, weights = variants.mode_of(member.mode), str(around.weights)
        spec = variants.spec_of(member.mode, around.spec)
        member.keeps_results = (
            around.options.parity
            and member.child.arm == "mode"
            and not results_file(around.ledger, member.mode).exists()
        )
        if around.weights.exists():
            request = protocol.Prepare(mode, dataclasses.replace(spec, weights_path=weights))
        else:
            request = protocol.Prepare(mode, spec, save_weights=weights)
        request = dataclasses.replace(request, keep_results=member.keeps_results)
        member.child.ask(request, around.options.timeout_s)

    def _ready(self, member: Member) -> None:
        reply = member.child.reply()
        if not isinstance(reply, protocol.Ready):
            raise nonsense(member, reply)
        member.book.startup_s = time.perf_counter() - member.child.launched_at
        member.steps_per_call = reply.steps_per_call
        self.rss_bytes = max(self.rss_bytes, reply.rss_bytes or 0)
        if reply.imported_rss_bytes is not None:
            who = self._who(member)
            self.around.residents.note(who, "imports", rss_bytes=reply.imported_rss_bytes)
            self.around.residents.note(who, "loading", rss_bytes=reply.rss_bytes)
        ledger = self.around.ledger
        ledger.resolve(
            member.mode,
            reply.steps_per_call,
            title=reply.title,
            resolved={**reply.resolved, **variants.changes_of(member.mode)},
            notes=tuple(dict.fromkeys((*ledger.run(member.mode).notes, *reply.notes))),
        )
        if not ledger.info.workload:
            environment = {**ledger.info.environment, **reply.environment}
            ledger.describe(workload=reply.workload, environment=environment)

    def ask(
        self, member: Member, request: protocol.Request, expected_s: float = 0.0
    ) -> protocol.Reply:
        """Ask one worker and wait.

        Args:
            member: whom.
            request: what.
            expected_s: seconds that the answer takes when all is well, on top of the time-out.

        Raises:
            Lost: it is gone.
            Interrupted: the user wants to finish.
        """
        timeout_s = self.around.options.timeout_s + expected_s
        residents, who = self.around.residents, self._who(member)
        with residents.during(who, request):
            reply = ask_and_wait(member.child, request, timeout_s, self.around.stop)
        residents.answered(who, request, reply)
        buildings = getattr(reply, "buildings", None)
        if buildings is not None:
            self.around.ledger.keep_buildings(member.mode, member.book, buildings)
        return reply

    def _who(self, member: Member) -> Who:
        return Who(member.mode, self._wave, member.child.arm, member.child.pid)

    def attempt(
        self,
        member: Member,
        action: Callable[Concatenate[Member, P], None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> bool:
        """Do something with a worker; when it is lost, its mode is, and nothing else.

        Raises:
            WorkloadError, UsageError: the workload itself is at fault: no mode can do better.
        """
        try:
            action(member, *args, **kwargs)
        except Lost as lost:
            self._lose(lost)
            return False
        return True

    def _lose(self, lost: Lost) -> None:
        around, child, failure = self.around, lost.child, lost.failure
        child.end()
        self.members = [m for m in self.members if m.child is not child]
        if lost.fault == "usage":
            raise UsageError(failure.message, failure.cure)
        if lost.fault == "workload" and not around.ledger.info.workload:
            raise WorkloadError(failure.message, failure.cure)
        around.progress.problem(child.mode, failure.message)
        if child.arm == "aa":
            around.ledger.note(
                f"The second process of {child.mode} (A/A) was lost: {failure.message}"
            )
        else:
            around.lost.add(child.mode)
            around.ledger.fail(child.mode, failure)

    def drop(self, member: Member) -> None:
        """End a worker that is not needed any more; its mode keeps what it has measured."""
        member.child.end()
        self.members = [m for m in self.members if m is not member]

    def shuffled(self, members: Iterable[Member] | None = None) -> list[Member]:
        """``members`` (all by default) in a new random order."""
        chosen = list(self.members if members is None else members)
        self.around.rng.shuffle(chosen)
        return chosen


def results_file(ledger: Ledger, mode: str) -> Path:
    """Where a mode's worker leaves what its first steps computed."""
    return disk.graphprof_folder(ledger.folder / mode) / PARITY_FILE


def worker_variables() -> dict[str, str]:
    """Environment variables that every worker gets, beside its wave's PYTHONHASHSEED."""
    return {
        "PYTHONUNBUFFERED": "1",
        # TensorFlow's start-up chatter would bury the reason of a crash in worker.log.
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1"),
    }


def nonsense(member: Member, reply: protocol.Reply) -> Lost:
    """The loss of a worker that does not keep to the protocol."""
    message = f"Its process answered {reply.kind!r} out of turn"
    cure = f"Read the end of {member.child.log}"
    return Lost(member.child, Failure("crashed", message, cure))
