"""What must be true of layers, ops and differences of every built-in model in every mode."""

import builtin_sessions
import op_counts
import pytest
from builtin_sessions import MODELS, MODES, attributed

from graphprof.analysis.work import align, difference, graphs, layers, ops, vanishing

ANY_MODEL = pytest.mark.parametrize("model", MODELS)
ANY_MODE = pytest.mark.parametrize("mode", MODES)


@ANY_MODEL
@ANY_MODE
def test_nearly_all_op_time_has_an_owner(model, mode):
    table = layers.table(attributed(model, mode))
    assert table.labelled > 0.95
    # What has none is a row like any other: all rows sum to the step.
    assert sum(row.wall_s for row in table.rows) == pytest.approx(table.step_s)


@ANY_MODEL
@pytest.mark.parametrize("pair", difference.pairs(MODES))
@pytest.mark.parametrize("by", difference.BYS)
def test_the_parts_of_a_difference_sum_to_the_gap(model, pair, by):
    one, other = (attributed(model, mode) for mode in pair)
    found = difference.between((pair[0], one), (pair[1], other), by)
    gap = other.step_s - one.step_s
    assert sum(part.gap_s for part in found.parts) == pytest.approx(gap, abs=0.005 * abs(gap))


@ANY_MODEL
@pytest.mark.parametrize("mode", MODES[1:])
def test_eager_ops_are_mapped_or_gone_for_a_reason(model, mode):
    graph = graphs.of_run(builtin_sessions.load(model).run(mode))
    eager, others = (ops.table(attributed(model, one)) for one in ("eager", mode))
    found = align.align(eager, others, vanishing.new(None, graph))
    assert found.left_mapped + found.left_explained >= 0.90
    # Were they mapped by chance, most would not be op for op.
    assert found.left_mapped > 0.5


@ANY_MODEL
@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_calls_per_step_are_what_tensorflow_says(model, mode):
    rows = op_counts.of_run(builtin_sessions.load(model).run(mode))
    assert {row.op_type: (row.traced, row.told) for row in rows if not row.explained} == {}


@ANY_MODEL
def test_modes_compute_the_same_products(model):
    """Products of matrices and convolutions cost the same, whoever computes them: only a gradient that
    nobody needs is left out."""
    flops = {mode: _products(ops.table(attributed(model, mode))) for mode in MODES[:3]}
    assert flops["graph"] <= flops["eager"]
    assert flops["graph"] == pytest.approx(flops["eager"], rel=0.1)
    # XLA counts padding, and turns some products into other ones.
    assert flops["xla"] == pytest.approx(flops["graph"], rel=0.35)


def _products(rows):
    return sum(row.flops or 0 for row in rows)
