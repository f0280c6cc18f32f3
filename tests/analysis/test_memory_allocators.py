"""The allocator's curve, its peak, and what was alive at it."""

import builders
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from graphprof.analysis.memory import allocators
from graphprof.trace import marks
from graphprof.trace.labels import Label, Labels

KNOWN = Labels(scopes={"net/conv": Label("net/conv", "forward")})


def event(name, start, level, size, address, op="net/conv/Relu", allocator="cpu"):
    stats = {
        "allocator_name": builders.Ref(allocator),
        "bytes_allocated": level,
        "allocation_bytes": size,
        "addr": address,
        "tf_op": op,
        "shape": "[2,2]",
    }
    return (f"Memory{name}", start, 0, stats)


def curves(tmp_path, *events):
    marks = [("train", 10, 100, {"_r": 1, "step_num": 0})]
    trace = builders.read(
        tmp_path, builders.trace({"python": marks, "tf_Compute/1": events}), allocators.STATS
    )
    return allocators.curves(trace, KNOWN)


def test_the_peak_and_what_is_alive_at_it(tmp_path):
    (found,) = curves(
        tmp_path,
        event("Allocation", 20, 1100, 100, 1),
        event("Allocation", 30, 1400, 300, 2),
        event("Deallocation", 40, 1300, 100, 1),
        event("Allocation", 50, 1500, 200, 3, op="gradient_tape/net/conv/ReluGrad"),
        event("Deallocation", 60, 1200, 300, 2),
    )
    assert (found.peak, found.unnamed) == (1500, 1000)
    assert found.peak_s == pytest.approx(50e-6)
    assert [(tensor.owner, tensor.in_pass, tensor.size) for tensor in found.alive] == [
        ("net/conv", "forward", 300),
        ("net/conv", "backward", 200),
    ]
    assert found.levels.tolist() == [1100, 1400, 1300, 1500, 1200]


def test_only_steps_count(tmp_path):
    (found,) = curves(
        tmp_path, event("Allocation", 1, 9000, 10, 1), event("Allocation", 20, 100, 10, 2)
    )
    assert found.peak == 100


def test_allocators_are_apart(tmp_path):
    found = curves(
        tmp_path,
        event("Allocation", 20, 100, 10, 1, allocator="a"),
        event("Allocation", 21, 200, 10, 1, allocator="b"),
    )
    assert [(one.allocator, one.peak) for one in found] == [("a", 100), ("b", 200)]


def test_nothing_recorded_is_nothing_not_zero(tmp_path):
    assert curves(tmp_path) == ()


odd = st.one_of(
    st.integers(-(2**62), 2**62), st.floats(), st.text(max_size=5), st.binary(max_size=3)
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([("MemoryAllocation", 0, {"allocator_name": "\0"})])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["MemoryAllocation", "MemoryDeallocation"]),
            st.integers(0, 200),
            st.dictionaries(
                st.sampled_from([name for name in allocators.STATS if name not in marks.STATS]), odd
            ),
        ),
        max_size=8,
    )
)
def test_no_recording_is_too_odd(tmp_path, events):
    """A trace may be anybody's: whatever stands where a size belongs, nothing fails."""
    found = curves(tmp_path, *((name, start, 0, stats) for name, start, stats in events))
    for one in found:
        assert len(one.times_s) == len(one.levels)
        assert all(step.peak >= step.before for step in one.steps)


def steps(tmp_path, *events, count=4):
    """Steps of 100 microseconds, one after the other."""
    marked = [("train", at * 100, 100, {"_r": 1, "step_num": at}) for at in range(count)]
    data = builders.trace({"python": marked, "tf_Compute/1": events})
    return allocators.curves(builders.read(tmp_path, data, allocators.STATS), KNOWN)


def test_what_every_step_leaves_behind_is_told_and_by_whom(tmp_path):
    events = []
    for at in range(4):
        events.append(event("Allocation", at * 100 + 10, 100 + at * 30, 30, 10 + at))
        events.append(event("Allocation", at * 100 + 20, 150 + at * 30, 50, 1, op="other"))
        events.append(event("Deallocation", at * 100 + 30, 100 + at * 30, 50, 1, op="other"))
    (found,) = steps(tmp_path, *events)
    assert found.left_behind == 30
    assert [step.before for step in found.steps] == [70, 100, 130, 160]
    kept = [(tensor.owner, tensor.size) for tensor in found.alive if tensor.kept]
    assert kept == [("net/conv", 30)] * 3
    assert sorted(tensor.size for tensor in found.alive if not tensor.kept) == [30, 50]


def test_what_one_step_leaves_is_no_leak(tmp_path):
    (found,) = steps(tmp_path, event("Allocation", 110, 30, 30, 1))
    assert found.left_behind == 0
    (found,) = steps(tmp_path, event("Allocation", 10, 30, 30, 1), count=2)
    assert found.left_behind is None
