"""What a crew of workers does, in lockstep: the parent owns the order, the workers own the clock.

One worker runs at a time while the others stand still, in a new random order each time: first
calls, warm-ups, rounds of blocks, and last the traces, apart from the timing.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from dataclasses import replace

from graphprof.capture import protocol
from graphprof.capture.controller import comparing
from graphprof.capture.controller import options as constants
from graphprof.capture.controller.crew import Crew, Member, nonsense
from graphprof.session import Block

# Records are written at least this often while rounds run, seconds.
_SAVE_S = 10.0
# Graphs whose first call took longer are not prepared once more to be described, seconds.
_PREPARED_AGAIN_S = 60.0
# How often the caller is asked which modes need more rounds, seconds.
_SETTLE_S = 2.0


def first_calls(crew: Crew, members: Iterable[Member] | None = None) -> None:
    """Time the first call of each worker."""
    for member in crew.shuffled(members):
        crew.around.progress.doing(member.mode, "first call: building and compiling")
        crew.attempt(member, _first_call, crew)


def _first_call(member: Member, crew: Crew) -> None:
    reply = crew.ask(member, _early_trace(member, crew))
    if not isinstance(reply, protocol.Called):
        raise nonsense(member, reply)
    member.book.first_call_s = reply.seconds
    member.book.first_call_traced = reply.traced
    member.book.warmup_s = reply.later_s
    member.recent_s = [reply.seconds, *reply.later_s]
    crew.around.ledger.keep_early(member.mode, reply.early, reply.notes)


def _early_trace(member: Member, crew: Crew) -> protocol.FirstCall:
    """One process of each mode traces its first calls; they are the ones that are compared."""
    around = crew.around
    if not around.options.trace or member.child.arm != "mode" or member.mode in around.early:
        return protocol.FirstCall()
    around.early.add(member.mode)
    calls = constants.EARLY_CALLS
    if member.keeps_results:
        calls = max(1, min(calls, comparing.agreed_steps(crew) // member.steps_per_call))
    return protocol.FirstCall(str((around.ledger.folder / member.mode).resolve()), calls)


def warm_up(crew: Crew, at_most_s: float) -> None:
    """Run calls of each worker that are left out, for no longer than ``at_most_s`` each."""
    request = protocol.WarmUp(constants.WARMUP_CALLS, constants.WARMUP_S, at_most_s)
    for member in crew.shuffled():
        crew.around.progress.doing(member.mode, "warming up")
        crew.attempt(member, _warm_up, crew, request)


def _warm_up(member: Member, crew: Crew, request: protocol.WarmUp) -> None:
    # Calls that were made to keep results have warmed up as well: all workers warm up alike.
    before = member.book.warmup_s
    request = replace(
        request,
        calls=max(1, request.calls - len(before)),
        seconds=max(0.0, request.seconds - sum(before)),
        at_most_s=max(0.0, request.at_most_s - sum(before)),
    )
    reply = crew.ask(member, request, request.at_most_s)
    if not isinstance(reply, protocol.Warmed):
        raise nonsense(member, reply)
    member.book.warmup_s = (*before, *reply.seconds)
    member.book.losses = reply.losses
    later_half = reply.seconds[len(reply.seconds) // 2 :]
    member.recent_s = [statistics.median(later_half)]


def rounds(crew: Crew, budget_s: float, baseline: str, later_s: float = 0.0) -> None:
    """Time blocks of the workers, round by round.

    Args:
        crew: the workers.
        budget_s: seconds to spend; at least ``FEWEST_ROUNDS`` rounds are made.
        baseline: the mode that takes part in each round, whatever is settled.
        later_s: seconds that waves after this one will measure; only told.
    """
    around = crew.around
    began = saved = asked = time.perf_counter()
    unsettled: set[str] | None = None
    done = 0
    while crew.members:
        left_s = budget_s - (time.perf_counter() - began)
        if done >= constants.FEWEST_ROUNDS and left_s <= 0:
            return
        around.stop.check()
        around.progress.measuring(around.rounds, max(0.0, left_s) + later_s)
        _round(crew, [m for m in crew.members if _takes_part(m, baseline, unsettled)])
        done += 1
        now = time.perf_counter()
        if now - saved > _SAVE_S:
            around.ledger.save()
            saved = now
        ask = around.options.unsettled
        if ask is not None and done >= constants.FEWEST_ROUNDS and now - asked > _SETTLE_S:
            unsettled = set(ask(around.ledger.measurements(), baseline))
            asked = now
            if not unsettled:
                return


def _takes_part(member: Member, baseline: str, unsettled: set[str] | None) -> bool:
    if unsettled is None or member.mode in unsettled:
        return True
    return member.mode == baseline and member.child.arm == "mode"


def _round(crew: Crew, members: list[Member]) -> None:
    around = crew.around
    number = around.rounds
    around.rounds += 1
    workers = [member.child.pid for member in crew.members]
    around.ledger.sample(around.watch.sample(number, workers))
    for position, member in enumerate(crew.shuffled(members)):
        crew.attempt(member, _block, crew, number, position)


def _block(member: Member, crew: Crew, number: int, position: int) -> None:
    reply = crew.ask(member, protocol.TimeBlock(constants.block_calls(member.call_s)))
    if not isinstance(reply, protocol.Timed):
        raise nonsense(member, reply)
    started_s = reply.started_ns * 1e-9 - crew.around.ledger.origin
    built = reply.buildings.calls if reply.buildings else ()
    member.book.blocks.append(Block(number, position, started_s, reply.seconds, built))
    member.book.peak_rss_bytes = reply.peak_rss_bytes
    member.recent_s.append(statistics.median(reply.seconds))


def traces(crew: Crew) -> None:
    """Record the trace of each mode that has none yet."""
    around = crew.around
    for member in crew.shuffled(m for m in crew.members if m.child.arm == "mode"):
        if around.ledger.run(member.mode).trace is None:
            around.stop.check()
            around.progress.doing(member.mode, "recording a trace")
            crew.attempt(member, _trace, crew)
            around.ledger.save()


def _trace(member: Member, crew: Crew) -> None:
    options, ledger = crew.around.options, crew.around.ledger
    request = protocol.RecordTrace(
        options.trace_steps or constants.DEFAULT_TRACE_STEPS,
        str((ledger.folder / member.mode).resolve()),
        None if options.trace_steps else constants.TRACE_S,
    )
    # Traced calls, untraced ones on either side, and a profiler that may double a call's time.
    expected_s = 6 * request.steps * member.call_s
    reply = crew.ask(member, request, expected_s)
    if not isinstance(reply, protocol.Traced):
        raise nonsense(member, reply)
    if reply.record is not None:
        ledger.keep_trace(member.mode, reply.record, reply.notes)
    if reply.error is not None:
        ledger.fail(member.mode, reply.error)
        crew.around.progress.problem(member.mode, reply.error.message)


def graphs(crew: Crew) -> None:
    """Let each mode that is not known yet describe its graphs; nothing is timed after it."""
    around = crew.around
    for member in crew.shuffled(m for m in crew.members if m.child.arm == "mode"):
        if member.mode in around.described:
            continue
        around.stop.check()
        around.described.add(member.mode)
        around.progress.doing(member.mode, "reading its graphs")
        crew.attempt(member, _graphs, crew)


def _affordable(member: Member, crew: Crew) -> bool:
    """Whether preparing the graph once more is worth its time; what XLA compiles is not run again."""
    resolved = crew.around.ledger.run(member.mode).resolved
    first_call_s = member.book.first_call_s or 0.0
    return bool(resolved.get("jit_compile")) or first_call_s <= _PREPARED_AGAIN_S


def _graphs(member: Member, crew: Crew) -> None:
    folder = str((crew.around.ledger.folder / member.mode).resolve())
    request = protocol.DescribeGraphs(folder, _affordable(member, crew))
    reply = crew.ask(member, request, member.book.first_call_s or 0.0)
    if not isinstance(reply, protocol.Kept):
        raise nonsense(member, reply)
    if reply.problem is not None:
        crew.around.ledger.remark(
            member.mode, f"What became of its ops is known in part only: {reply.problem}"
        )
