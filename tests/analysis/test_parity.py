"""Parity of a small network that numpy trains: in several precisions, and with planted mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphprof import session as disk
from graphprof.analysis.results import comparable, parity, parity_file
from graphprof.analysis.results.parity import ModeParity
from graphprof.analysis.results.parity_file import Recording
from graphprof.session import Run, RunFolder, Session, SessionInfo

STEPS = 5


def recording(
    dtype: Any = np.float32,
    *,
    chunks: int = 1,
    epsilon: float = 1e-7,
    relu_leak: float = 0.0,
    **about: Any,
) -> Recording:
    """Two layers, squared error and Adam; ``chunks`` changes the order of summing.

    Computed in ``dtype``; variables and Adam's moments are no coarser than float32, as in Keras.
    """
    stored: Any = np.promote_types(dtype, np.float32).type
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, 8)).astype(dtype), rng.normal(size=(64, 1)).astype(dtype)
    weights = {
        "dense/kernel": rng.normal(0, 0.3, (8, 16)).astype(stored),
        "dense/bias": np.zeros(16, stored),
        "head/kernel": rng.normal(0, 0.3, (16, 1)).astype(stored),
    }
    initial = {name: value.copy() for name, value in weights.items()}
    moments = {name: [np.zeros_like(v), np.zeros_like(v)] for name, v in weights.items()}
    losses, first = [], {}

    def total(parts: np.ndarray) -> np.ndarray:
        return sum((part.sum(0, dtype=dtype) for part in np.array_split(parts, chunks)), dtype(0))

    for step in range(1, STEPS + 1):
        cast = {name: value.astype(dtype) for name, value in weights.items()}
        hidden = x @ cast["dense/kernel"] + cast["dense/bias"]
        active = np.where(hidden > 0, hidden, dtype(relu_leak) * hidden)
        output = active @ cast["head/kernel"]
        error = output - y
        losses.append(float((error * error).mean(dtype=dtype)))
        back = dtype(2 / 64) * error @ cast["head/kernel"].T
        back = np.where(hidden > 0, back, dtype(relu_leak) * back)
        gradients = {
            "dense/kernel": total(x[:, :, None] * back[:, None, :]),
            "dense/bias": total(back),
            "head/kernel": total(active[:, :, None] * (dtype(2 / 64) * error)[:, None, :]),
        }
        if step == 1:
            first = {
                "output": {"head": output},
                "layer": {"dense": active, "head": output},
                "gradient": gradients,
            }
        for name, gradient in gradients.items():
            mean, square = moments[name]
            wide = gradient.astype(stored)
            mean += stored(0.1) * (wide - mean)
            square += stored(0.001) * (wide * wide - square)
            rate = stored(0.01) * np.sqrt(stored(1 - 0.999**step)) / stored(1 - 0.9**step)
            weights[name] = weights[name] - rate * mean / (np.sqrt(square) + stored(epsilon))
    arrays = parity_file.pack(
        {"steps": STEPS, "precision": np.dtype(dtype).name, **about},
        losses,
        **first,
        initial=initial,
        weight=weights,
    )
    return Recording(json.loads(str(arrays["about"])), arrays)


def compare(one: Recording | None, other: Recording | None, **more: Any) -> ModeParity:
    return parity.compare("xla", one, other, **more)


def without(source: Recording, name: str) -> Recording:
    return Recording(source.about, {k: v for k, v in source.arrays.items() if k != name})


def changed(source: Recording, name: str, value: Any) -> Recording:
    return Recording(source.about, {**source.arrays, name: value})


def test_the_same_work_passes_exactly() -> None:
    found = compare(recording(), recording())
    assert found.verdict == "passed"
    assert {deviation.relative for deviation in found.deviations} == {0.0}
    assert [d.kind for d in found.deviations].count("gradient") == 3


def test_another_order_of_summing_passes_with_small_errors() -> None:
    found = compare(recording(chunks=7), recording())
    assert found.verdict == "passed"
    assert found.worst is not None
    assert 0 < found.worst.relative < found.worst.tolerance
    gradient = next(d for d in found.deviations if d.kind == "gradient" and d.relative > 0)
    assert gradient.ulp is not None
    assert 0 < gradient.ulp < 100


def test_float16_that_says_it_is_float32_fails() -> None:
    planted = recording(np.float16, precision="float32")
    found = compare(planted, recording())
    assert found.verdict == "failed"
    assert found.first_layer == "dense"
    assert found.reason


def test_float16_that_says_so_passes_within_its_own_tolerance() -> None:
    assert compare(recording(np.float16), recording()).verdict == "passed"
    assert (
        compare(recording(np.float16, precision="mixed_float16"), recording()).verdict == "passed"
    )


def test_a_changed_epsilon_of_the_optimizer_shows_in_the_updates() -> None:
    found = compare(recording(epsilon=1e-2), recording())
    assert found.verdict == "failed"
    failed = {deviation.kind for deviation in found.deviations if deviation.ok is False}
    assert "update" in failed
    assert not failed & {"layer", "output", "gradient"}


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_no_precision_excuses_an_update_that_is_another_one(precision: str) -> None:
    base = recording(np.float16, precision=precision)
    changed = recording(np.float16, precision=precision, epsilon=1e-1)
    assert compare(base, base).verdict == "passed"
    assert compare(changed, base).verdict == "failed"
    assert compare(changed, base, reference=recording(np.float64)).verdict == "failed"


def test_a_changed_layer_is_the_first_that_diverges() -> None:
    found = compare(recording(relu_leak=0.01), recording())
    assert found.verdict == "failed"
    assert found.first_layer == "dense"


def test_a_wrong_gradient_is_named() -> None:
    base = recording()
    wrong = changed(base, "gradient/head/kernel", base.arrays["gradient/head/kernel"] * 1.01)
    found = compare(wrong, base)
    assert found.verdict == "failed"
    assert found.first_layer == "head/kernel"
    assert found.worst is not None
    assert found.worst.kind == "gradient"
    assert found.worst.relative == pytest.approx(0.01, rel=1e-3)


def test_errors_are_counted_in_units_in_the_last_place() -> None:
    base = recording()
    weights = base.arrays["output/head"].copy()
    largest = np.unravel_index(np.argmax(np.abs(weights)), weights.shape)
    weights[largest] = np.nextafter(weights[largest], np.float32(np.inf), dtype=np.float32)
    found = compare(changed(base, "output/head", weights), base)
    output = next(d for d in found.deviations if d.kind == "output")
    assert output.ulp == pytest.approx(1.0)


def test_a_variable_moved_by_rounding_errors_alone_is_not_judged_by_its_update() -> None:
    def with_noise(sign: float) -> Recording:
        source = recording()
        noise = {
            "gradient/bias": np.array([sign * 1e-9], np.float32),
            "initial/bias": np.array([0.0], np.float32),
            "weight/bias": np.array([-sign * 0.05], np.float32),
        }
        return Recording(source.about, {**source.arrays, **noise})

    found = compare(with_noise(1.0), with_noise(-1.0))
    assert found.verdict == "passed"
    unjudged = {d.name for d in found.deviations if d.ok is None and d.kind == "update"}
    assert unjudged == {"bias"}


@pytest.mark.parametrize(("flipped", "verdict"), [(1, "passed"), (8, "failed")])
def test_a_few_numbers_that_rounding_turned_do_not_fail_an_update(flipped, verdict) -> None:
    """Adam makes a full step of the sign of a gradient that happens to be near 0."""
    source = recording()
    step = np.full(16, 0.001)
    step[5:] *= -1
    base = changed(changed(source, "initial/head/bias", np.zeros(16)), "weight/head/bias", step)
    turned = step.copy()
    turned[:flipped] *= -1
    assert compare(changed(base, "weight/head/bias", turned), base).verdict == verdict


@pytest.mark.parametrize("known_by", ["gradient", "moment"])
def test_what_follows_such_a_variable_is_not_judged_either(known_by: str) -> None:
    """A moving mean follows the bias; without gradients the optimizer's memory tells."""

    def with_noise(sign: float) -> Recording:
        source = recording()
        sizes = {
            f"moment/{name}": source.array(f"gradient/{name}") for name in source.names("weight")
        }
        kept = {k: v for k, v in source.arrays.items() if not k.startswith("gradient/")}
        arrays = dict(source.arrays) if known_by == "gradient" else kept | sizes
        arrays |= {
            f"{known_by}/norm/bias": np.full(4, sign * 1e-9),
            "initial/norm/bias": np.zeros(4),
            "weight/norm/bias": np.full(4, sign * 0.01),
            "initial/norm/moving_mean": np.zeros(4),
            "weight/norm/moving_mean": np.full(4, 1 + sign * 0.01),
        }
        return Recording(source.about, arrays)

    found = compare(with_noise(1.0), with_noise(-1.0))
    assert found.verdict == "passed"
    unjudged = {d.name for d in found.deviations if d.ok is None and d.kind == "update"}
    assert unjudged == {"norm/bias", "norm/moving_mean"}


def test_losses_are_compared_where_both_know_them() -> None:
    """A call of several steps gives only the loss of its last."""
    base = recording()
    losses = base.array("loss")
    last = changed(base, "loss", losses[[4]])
    last = Recording({**last.about, "loss_steps": [4]}, last.arrays)
    found = compare(last, base)
    assert found.verdict == "passed"
    assert [d.name for d in found.deviations if d.kind == "loss"] == ["4"]
    wrong = Recording(last.about, {**last.arrays, "loss": losses[[4]] * 1.1})
    assert compare(wrong, base).verdict == "failed"


def test_the_reason_why_nothing_was_kept_is_passed_on() -> None:
    nothing = Recording({"reason": "It could not be read."}, {})
    assert compare(nothing, recording()).reason == "It could not be read."
    assert compare(recording(), nothing).verdict == "unknown"


@pytest.mark.parametrize(
    ("precisions", "widest"),
    [
        (["float32"], "float32"),
        (["float32", "mixed_float16", "float64"], "mixed_float16"),
        (["bfloat16", "float16"], "bfloat16"),
        (["float32", "int8"], "int8"),
    ],
)
def test_the_coarsest_precision_counts(precisions: list[str], widest: str) -> None:
    assert parity.coarsest(precisions) == widest


def test_a_reference_excuses_what_the_baseline_does_as_well() -> None:
    truth, base, mode = recording(np.float64), recording(), recording()
    noise = np.random.default_rng(0).normal(0, 3e-4, (2, 64, 1))
    base = changed(base, "output/head", truth.array("output/head") + noise[0])
    mode = changed(mode, "output/head", truth.array("output/head") + noise[1])
    base, mode, truth = (without(r, "layer/head") for r in (base, mode, truth))
    assert compare(mode, base).verdict == "failed"
    assert compare(mode, base, reference=truth).verdict == "passed"
    far = changed(mode, "output/head", truth.array("output/head") + 0.1)
    assert compare(far, base, reference=truth).verdict == "failed"


def test_every_array_has_its_error_from_the_reference_and_the_baselines_beside_it() -> None:
    truth, base = recording(np.float64), recording()
    off = 3e-5 * float(np.abs(truth.array("output/head")).max())
    mode = changed(base, "output/head", truth.array("output/head") + off)
    found = compare(mode, base, reference=truth)
    assert found.verdict == "passed"
    output = next(d for d in found.deviations if d.kind == "output")
    assert output.reference is not None
    assert output.reference.relative == pytest.approx(3e-5, rel=1e-6)
    assert output.reference.baseline is not None
    assert 0 < output.reference.baseline < 1e-6
    assert output.reference.ulp == pytest.approx(output.reference.relative * 2**23, rel=1.0)
    assert all(d.reference for d in found.deviations if d.kind in ("layer", "gradient", "update"))


def test_a_mode_is_so_many_times_as_far_from_the_reference_as_the_baseline() -> None:
    truth, base = recording(np.float64), recording()
    arrays = dict(base.arrays)
    for name in arrays:
        if name.startswith(("layer/", "output/", "gradient/")):
            arrays[name] = truth.array(name) + 4 * (base.array(name) - truth.array(name))
    found = compare(Recording(base.about, arrays), base, reference=truth)
    assert found.times_baseline == pytest.approx(4)
    same = compare(base, base, reference=truth)
    assert same.times_baseline == 1
    assert compare(base, base).times_baseline is None


def test_float16_posing_as_float32_is_far_from_the_reference() -> None:
    planted = recording(np.float16, precision="float32")
    found = compare(planted, recording(), reference=recording(np.float64))
    assert found.verdict == "failed"
    assert found.times_baseline is not None
    assert found.times_baseline > 100


def farther(times: float) -> tuple[Recording, Recording, Recording]:
    """A mode within all limits, but so many times as far from the truth as the baseline."""
    truth, base = recording(np.float64), recording()
    noise = np.random.default_rng(3)
    arrays = dict(base.arrays)
    for name in arrays:
        if name.startswith(("layer/", "output/", "gradient/")):
            exact = truth.array(name)
            off = max(float(np.abs(base.array(name) - exact).max()), 2**-24 * np.abs(exact).max())
            arrays[name] = exact + times * off * noise.choice([-1.0, 1.0], exact.shape)
    return Recording(base.about, arrays), base, truth


@pytest.mark.parametrize(("times", "verdict"), [(30, "passed"), (300, "failed")])
def test_a_mode_that_rounds_as_another_precision_does_fails_within_the_limits(
    times: float, verdict: str
) -> None:
    mode, base, truth = farther(times)
    assert compare(mode, base).verdict == "passed"  # nobody can tell without the truth
    found = compare(mode, base, reference=truth)
    assert found.verdict == verdict
    assert found.first_layer == (None if verdict == "passed" else "dense")


def test_a_baseline_that_is_exact_by_chance_makes_nobody_coarse() -> None:
    mode, _, truth = farther(1)
    lucky = {
        name: truth.array(name) * (1 + 1e-12)
        if name.startswith(("layer/", "output/", "gradient/"))
        else v
        for name, v in mode.arrays.items()
    }
    found = compare(mode, Recording(mode.about, lucky), reference=truth)
    assert found.verdict == "passed"
    assert found.times_baseline is not None
    assert found.times_baseline > 1000


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"reason": "There was no memory."}, "There was no memory."),
        ({"precision": "float32"}, "layers in float32"),
        ({"precision": "float64", "coarse_ops": ["MatMul in float32"]}, "MatMul in float32"),
    ],
)
def test_what_is_no_float64_run_is_no_reference(about: dict[str, Any], reason: str) -> None:
    found = comparable.why_no_reference(Recording({"steps": STEPS, **about}, {}))
    assert found is not None
    assert reason in found
    assert comparable.why_no_reference(recording(np.float64)) is None


def drawing(layers: list[str], **about: Any) -> Recording:
    return recording(random=layers, evaluated=["layer", "output"], **about)


def test_where_layers_draw_random_numbers_their_evaluation_is_compared() -> None:
    mode, base = drawing(["layer drop under XLA"]), drawing([])
    mode = changed(mode, "loss", mode.array("loss") * 2)
    found = compare(mode, base)
    assert (found.verdict, found.random) == ("unknown", ("layer drop under XLA",))
    assert {d.kind for d in found.deviations} == {"layer", "output"}
    wrong = changed(mode, "output/head", base.array("output/head") * 1.01)
    assert compare(wrong, base).verdict == "failed"


def test_random_ops_leave_nothing_to_compare() -> None:
    found = compare(drawing(["op RandomUniform"]), drawing([]))
    assert (found.verdict, found.deviations) == ("unknown", ())


def test_layers_that_draw_other_numbers_in_float64_are_compared_evaluated() -> None:
    truth = recording(np.float64, random_layers=["drop"], evaluated=["layer", "output"])
    truth = changed(truth, "gradient/head/kernel", truth.array("gradient/head/kernel") * 3)
    one = recording(random_layers=["drop"], evaluated=["layer", "output"])
    found = compare(one, one, reference=truth)
    assert found.verdict == "passed"
    assert {d.kind for d in found.deviations if d.reference} == {"layer", "output"}


def test_other_batches_are_no_difference_of_the_modes() -> None:
    found = compare(recording(batch="aa"), recording(batch="bb"))
    assert found.verdict == "unknown"
    assert "other batches" in str(found.reason)
    assert compare(recording(batch="aa"), recording(batch="aa")).verdict == "passed"
    assert compare(recording(batch="aa"), recording()).verdict == "passed"


def test_gradients_of_one_side_only_say_nothing() -> None:
    """Computed apart, they may be missing: then the parity rests on the rest."""
    source = recording()
    kept = {name: v for name, v in source.arrays.items() if not name.startswith("gradient/")}
    for pair in ((source, Recording(source.about, kept)), (Recording(source.about, kept), source)):
        found = compare(*pair)
        assert found.verdict == "passed"
        assert "gradient" not in {d.kind for d in found.deviations}


def test_a_nan_on_one_side_fails_and_on_both_is_the_same() -> None:
    base = recording()
    output = base.arrays["output/head"].copy()
    output[3] = np.nan
    broken = changed(base, "output/head", output)
    found = compare(broken, base)
    assert found.verdict == "failed"
    assert found.worst is not None
    assert found.worst.relative == np.inf
    assert compare(broken, broken).verdict == "passed"


def test_other_shapes_and_missing_variables_fail() -> None:
    base = recording()
    assert compare(changed(base, "weight/dense/bias", np.zeros(3)), base).verdict == "failed"
    found = compare(without(base, "weight/dense/bias"), base)
    assert found.verdict == "failed"
    assert found.first_layer == "dense/bias"
    assert compare(base, without(base, "weight/dense/bias")).verdict == "failed"


def test_layers_of_one_side_only_say_nothing() -> None:
    base = recording()
    assert compare(without(base, "layer/dense"), base).verdict == "passed"


@pytest.mark.parametrize(
    ("mode", "baseline", "reason"),
    [
        (None, recording(), "not recorded"),
        (recording(), None, "baseline"),
        (recording(steps=7), recording(), "different numbers of steps"),
        (recording(random=["dropout"]), recording(), "dropout"),
        (recording(precision="int4"), recording(), "int4"),
    ],
)
def test_what_cannot_be_compared_is_unknown_with_a_reason(
    mode: Recording | None, baseline: Recording | None, reason: str
) -> None:
    found = compare(mode, baseline)
    assert found.verdict == "unknown"
    assert found.reason is not None
    assert reason in found.reason
    assert found.worst is None


def save(folder: Path, source: Recording, name: str = parity_file.PARITY_FILE) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / name, **source.arrays)


def session(path: Path, *modes: str) -> Session:
    info = SessionInfo("s", "2026-01-01", "0", "complete", "train", "t", modes, modes[0])
    runs = tuple(RunFolder(path / mode, Run(mode, mode, "complete"), None) for mode in modes)
    return Session(path, info, runs)


def test_a_session_is_read_from_disk(tmp_path: Path) -> None:
    found = session(tmp_path, "eager", "graph", "xla", "fit")
    assert parity.of_session(found) is None
    save(disk.graphprof_folder(tmp_path / "eager"), recording())
    save(disk.graphprof_folder(tmp_path / "graph"), recording(chunks=3))
    save(disk.graphprof_folder(tmp_path / "xla"), recording(np.float16, precision="float32"))
    save(tmp_path, recording(np.float64), parity_file.REFERENCE_FILE)
    result = parity.of_session(found)
    assert result is not None
    assert result.reference
    assert (result.steps, result.precision, result.no_reference) == (STEPS, "float32", None)
    assert {d.kind for d in result.from_reference} >= {"layer", "output", "gradient", "update"}
    assert 0 < max(d.relative for d in result.from_reference if d.kind == "output") < 1e-6
    assert [mode.verdict for mode in result.modes] == ["passed", "failed", "unknown"]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 not a zip", b"\x93NUMPY", b"[]"])
def test_a_damaged_file_is_unknown(tmp_path: Path, data: bytes) -> None:
    save(disk.graphprof_folder(tmp_path / "eager"), recording())
    folder = disk.graphprof_folder(tmp_path / "graph")
    folder.mkdir(parents=True)
    (folder / parity_file.PARITY_FILE).write_bytes(data)
    result = parity.of_session(session(tmp_path, "eager", "graph"))
    assert result is not None
    assert result.modes[0].verdict == "unknown"


def test_a_file_cut_short_is_unknown(tmp_path: Path) -> None:
    for mode in ("eager", "graph"):
        save(disk.graphprof_folder(tmp_path / mode), recording())
    path = disk.graphprof_folder(tmp_path / "graph") / parity_file.PARITY_FILE
    data = path.read_bytes()
    # A flipped byte in the middle of an array: the zip's checksum finds it while it is read.
    path.write_bytes(data[:900] + bytes([data[900] ^ 0xFF]) + data[901:])
    result = parity.of_session(session(tmp_path, "eager", "graph"))
    assert result is not None
    assert result.modes[0].verdict == "unknown"


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    folder = disk.graphprof_folder(tmp_path / "graph")
    save(folder, changed(recording(), "weight/dense/bias", np.array([object()], dtype=object)))
    save(disk.graphprof_folder(tmp_path / "eager"), recording())
    result = parity.of_session(session(tmp_path, "eager", "graph"))
    assert result is not None
    assert result.modes[0].verdict == "unknown"
