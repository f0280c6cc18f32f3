"""What the report says of parity beyond the verdicts: every array, and what it is held against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorFromReference:
    """How far an array is from that of the float64 run.

    Attributes:
        relative: error over the magnitude there; None where one side alone is finite.
        ulp: the same in units in the last place of the mode's precision, or None.
        ok: whether it is within the tolerance; None when it is not judged.
    """

    relative: float | None
    ulp: float | None
    ok: bool | None


@dataclass(frozen=True)
class ArrayError:
    """How far one array of a mode is from the baseline's.

    Attributes:
        kind: ``layer``, ``output``, ``loss``, ``gradient``, ``weight`` or ``update``.
        name: layer, output or variable; the number of the step for a loss.
        relative: error over the magnitude in the baseline; None where one side alone is finite.
        ulp: the same in units in the last place, or None.
        tolerance: the relative error that may pass.
        ok: whether it passes; None when it is not judged.
        reference: the same against the float64 run; None without one.
    """

    kind: str
    name: str
    relative: float | None
    ulp: float | None
    tolerance: float
    ok: bool | None
    reference: ErrorFromReference | None = None


@dataclass(frozen=True)
class ParityBasis:
    """What the modes are held against.

    Attributes:
        baseline: the mode.
        steps: so many steps were made from the same weights on the same batches.
        precision: in which the baseline computes.
        reference: what the reference is, ``float64, eager``; None without one.
        no_reference: why there is none, one sentence, or None.
        random_layers: layers that draw random numbers while they train; the same ones in each
            mode whose ``parity.random`` is empty.
        arrays: the errors of the baseline itself, against the reference alone.
    """

    baseline: str
    steps: int | None
    precision: str | None
    reference: str | None
    no_reference: str | None
    random_layers: tuple[str, ...]
    arrays: tuple[ArrayError, ...]
