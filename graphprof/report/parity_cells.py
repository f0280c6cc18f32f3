"""The table of what the modes computed: one row an array, one column a mode."""

from __future__ import annotations

from graphprof import units
from graphprof.report.cells import Cells
from graphprof.report.document import Report
from graphprof.report.parity_model import ArrayError

# So many arrays are shown, those closest to their tolerance; the JSON has all.
MOST_ROWS = 40

_Key = tuple[str, str]


def table(report: Report) -> Cells | None:
    """Errors of each array, the worst of them where there are many; None without any."""
    basis = report.parity
    columns = {mode.mode: mode.parity.arrays for mode in report.modes if mode.parity}
    if basis is None or not any(columns.values()):
        return None
    by_key = {mode: {_key(one): one for one in arrays} for mode, arrays in columns.items()}
    own = {_key(one): one for one in basis.arrays}
    order = list(dict.fromkeys(key for arrays in by_key.values() for key in arrays))
    shown = set(sorted(order, key=lambda key: -_closeness(key, by_key))[:MOST_ROWS])
    root = _root(order)
    head = [basis.baseline] if own else []
    rows = []
    for key in (key for key in order if key in shown):
        cells = [_from_reference(own.get(key))] if own else []
        cells += [_cell(arrays.get(key), beside=bool(own)) for arrays in by_key.values()]
        tolerance = next(arrays[key].tolerance for arrays in by_key.values() if key in arrays)
        rows.append((_name(key, root), _exponent(tolerance), *cells))
    if len(order) > len(rows):
        left_out = f"{units.count(len(order) - len(rows))} others, all smaller"
        rows.append((left_out, *([""] * (len(head) + len(by_key) + 1))))
    return Cells(
        _title(basis.baseline, reference=bool(own)), ("Array", "Limit", *head, *by_key), tuple(rows)
    )


def _title(baseline: str, *, reference: bool) -> str:
    beside = " | float64" if reference else ""
    return f"Largest relative errors, against {baseline}{beside} (≠ too large, ~ not judged)"


def _key(one: ArrayError) -> _Key:
    return one.kind, one.name


def _root(order: list[_Key]) -> str:
    """What the names of all variables begin with: the model's own name."""
    roots = {name.partition("/")[0] for kind, name in order if kind in ("gradient", "weight")}
    return f"{roots.pop()}/" if len(roots) == 1 else ""


def _name(key: _Key, root: str) -> str:
    kind, name = key
    return f"{kind} {name.removeprefix(root) or name}"


def _closeness(key: _Key, by_key: dict[str, dict[_Key, ArrayError]]) -> float:
    errors = [arrays[key] for arrays in by_key.values() if key in arrays]
    return max(
        (
            float("inf") if one.relative is None else one.relative / one.tolerance
            for one in errors
            if one.ok is not None
        ),
        default=0.0,
    )


def _cell(one: ArrayError | None, *, beside: bool) -> str:
    if one is None:
        return "not compared"
    mark = {True: "", False: " ≠", None: " ~"}[one.ok]
    text = f"{_amount(one.relative)}{mark}"
    return f"{text} | {_from_reference(one)}" if beside else text


def _from_reference(one: ArrayError | None) -> str:
    if one is None or one.reference is None:
        return units.NOT_MEASURED
    return _amount(one.reference.relative)


def _amount(relative: float | None) -> str:
    if relative is None:
        return "all of it"
    return "0" if relative == 0 else _exponent(relative)


def _exponent(value: float) -> str:
    """``2e-7``: an error's size is what counts."""
    figure, _, power = f"{value:.0e}".partition("e")
    return f"{figure}e{int(power)}"
