"""Keeping what the modes compute, for their results to be compared: the parent's part.

The first steps of each mode's first worker are kept, on the way to its warm-up; when all timing and
tracing of a wave is over, outputs of layers and gradients are added. What cannot be kept is said,
and costs the comparison alone.
"""

from __future__ import annotations

from graphprof.analysis.results import parity_file
from graphprof.capture import protocol
from graphprof.capture.controller import options as constants
from graphprof.capture.controller.child import Lost
from graphprof.capture.controller.crew import Crew, Member, nonsense, results_file


def keep_results(crew: Crew) -> None:
    """Let each worker that is to keep results make its first steps complete."""
    around = crew.around
    steps = agreed_steps(crew)
    for member in crew.shuffled(m for m in crew.members if m.keeps_results):
        if steps % member.steps_per_call:
            _refuse(
                member,
                crew,
                f"Its calls hold {member.steps_per_call} steps, and the modes are compared after"
                f" {steps}",
            )
            continue
        around.progress.doing(member.mode, "keeping what its first steps compute")
        crew.attempt(member, _keep, crew, steps)


def agreed_steps(crew: Crew) -> int:
    """After how many steps the modes are compared: the first crew that is asked decides."""
    around = crew.around
    if around.parity_steps is None:
        around.parity_steps = constants.parity_steps(m.steps_per_call for m in crew.members)
    return around.parity_steps


def _keep(member: Member, crew: Crew, steps: int) -> None:
    folder = str((crew.around.ledger.folder / member.mode).resolve())
    expected_s = steps * member.call_s
    reply = crew.ask(member, protocol.KeepResults(steps, folder), expected_s)
    if not isinstance(reply, protocol.Kept):
        raise nonsense(member, reply)
    member.book.warmup_s = (*member.book.warmup_s, *reply.seconds)
    if reply.problem is not None:
        _refuse(member, crew, reply.problem)


def _refuse(member: Member, crew: Crew, why: str) -> None:
    """Leave the reason where the results would be."""
    member.keeps_results = False
    packed = parity_file.pack({"reason": f"{why}."}, [])
    parity_file.save(results_file(crew.around.ledger, member.mode), packed)


def examine_results(crew: Crew) -> None:
    """Let each worker that has kept results add outputs and gradients; nothing is timed after it."""
    around = crew.around
    for member in crew.shuffled(m for m in crew.members if m.keeps_results):
        around.stop.check()
        if (member.book.first_call_s or 0.0) > constants.EXAMINED_FIRST_CALL_S:
            _without(
                member, crew, "building and compiling once more would take as long as the first"
            )
            continue
        around.progress.doing(member.mode, "comparing: layers and gradients")
        try:
            _examine(member, crew)
        except Lost as lost:
            crew.drop(member)
            _without(member, crew, lost.failure.message)


def _examine(member: Member, crew: Crew) -> None:
    folder = str((crew.around.ledger.folder / member.mode).resolve())
    reply = crew.ask(member, protocol.ExamineResults(folder))
    if not isinstance(reply, protocol.Kept):
        raise nonsense(member, reply)
    if reply.problem is not None:
        _without(member, crew, reply.problem)


def _without(member: Member, crew: Crew, why: str) -> None:
    crew.around.ledger.remark(
        member.mode, f"Parity rests on losses and weights, without layers and gradients: {why}"
    )
