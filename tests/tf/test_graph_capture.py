"""The graphs of a run are kept, and calls per step agree with what TensorFlow says by itself."""

import pytest

from graphprof.capture import protocol
from graphprof.session import Run, RunFolder, TraceRecord, graphprof_folder
from graphprof.trace import graphs as graph_files

pytestmark = pytest.mark.tf

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

import op_counts  # noqa: E402

from graphprof.analysis.work import attribution, graphs, ops  # noqa: E402
from graphprof.capture.instrument import graphs as reading  # noqa: E402
from graphprof.capture.instrument import private  # noqa: E402
from graphprof.capture.worker.graphs import Graphing  # noqa: E402
from graphprof.capture.worker.labelling import Labelling  # noqa: E402

ROWS, WIDTH, UNITS = 16, 8, 4


def dense():
    layers = [keras.layers.Dense(UNITS, activation="relu", name="hidden"), keras.layers.Dense(1)]
    return [keras.Input((WIDTH,)), *layers], tf.random.normal((ROWS, WIDTH))


def recurrent():
    layers = [keras.layers.SimpleRNN(UNITS, name="loop"), keras.layers.Dense(1, name="head")]
    return [keras.Input((5, WIDTH)), *layers], tf.random.normal((ROWS, 5, WIDTH))


def record(folder, make, mode):
    """Trace the calls after the first one, and describe the graphs, as a worker does."""
    keras.utils.set_random_seed(0)
    layers, inputs = make()
    model = keras.Sequential(layers, name="net")
    model.compile(optimizer="sgd", loss="mse")
    batch = (inputs, tf.random.normal((ROWS, 1)))
    step = model.train_step if mode == "eager" else tf.function(model.train_step)
    labelling = Labelling(op_by_op=mode == "eager")
    with labelling.first_call():
        step(batch)
    tf.profiler.experimental.start(str(folder))
    for number in range(2):
        with (
            labelling.traced_call(),
            tf.profiler.experimental.Trace("train", step_num=number, _r=1),
        ):
            step(batch)
    tf.profiler.experimental.stop()
    labelling.save(folder)
    describe(folder, labelling, lambda: step(batch))
    xplane = next(folder.rglob("*.xplane.pb")).relative_to(folder).as_posix()
    return RunFolder(
        folder, Run(mode, mode, "complete", trace=TraceRecord(xplane, 2, (0, 1), (0.1, 0.1))), None
    )


def test_without_the_time_for_it_the_graph_as_built_is_kept_and_that_is_said(tmp_path):
    labelling = Labelling(op_by_op=False)
    labelling.graph = tf.function(lambda x: x + x).get_concrete_function(tf.TensorSpec((2,))).graph
    task = Graphing(labelling, compiled=False).describe(
        protocol.DescribeGraphs(str(tmp_path), prepare=False)
    )
    with pytest.raises(StopIteration) as ended:  # without a call
        next(task)
    assert "as long as the first call" in ended.value.value.problem
    kept = graph_files.load(graphprof_folder(tmp_path) / graph_files.GRAPHS_FILE)
    assert kept.before.counts["AddV2"] == 1
    assert (kept.optimised, kept.ran) == (None, None)


def describe(folder, labelling, call):
    task = Graphing(labelling, compiled=False).describe(protocol.DescribeGraphs(str(folder)))
    with next(task)():
        call()
    with pytest.raises(StopIteration) as ended:
        task.send(None)
    return ended.value.value


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    found = {}
    for make in (dense, recurrent):
        for mode in ("eager", "graph"):
            folder = tmp_path_factory.mktemp(f"{make.__name__}-{mode}")
            found[make.__name__, mode] = record(folder, make, mode)
    return found


@pytest.mark.parametrize("model", ["dense", "recurrent"])
@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_calls_per_step_are_what_tensorflow_says(recorded, model, mode):
    rows = op_counts.of_run(recorded[model, mode])
    off = {row.op_type: (row.traced, row.told) for row in rows if not row.explained}
    assert off == {}
    equal = [row for row in rows if row.traced == row.told]
    assert len(equal) > len(rows) / 2


def test_the_graph_is_kept_as_built_as_optimised_and_as_run(recorded):
    found = graphs.of_run(recorded["dense", "graph"])
    # Two forward; backward one for each kernel, and one for what the first layer has made.
    assert found.before["MatMul"] == 5
    assert "_FusedMatMul" in found.optimised
    assert "Relu" not in found.optimised
    gone = {(one.owner, one.op_type): one for one in found.strides[0].removed}
    relu = gone["net/hidden", "Relu"]
    assert (relu.in_pass, relu.why, relu.into) == ("forward", "fused", "_FusedMatMul")


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_products_cost_two_operations_a_multiply_add(recorded, mode):
    table = ops.table(attribution.of_run(recorded["dense", mode]))
    product = 2 * ROWS * WIDTH * UNITS
    forward = next(
        row
        for row in table
        if row.owner == "net/hidden" and row.in_pass == "forward" and "MatMul" in row.op_type
    )
    # A fused product adds its bias as well.
    bias = 0 if mode == "eager" else ROWS * UNITS
    assert forward.flops == product + bias
    assert f"float32[{ROWS},{WIDTH}]" in forward.inputs


def test_results_are_those_of_the_mode_itself(recorded):
    assert recorded["dense", "graph"].path.is_dir()
    layers, inputs = dense()
    model = keras.Sequential(layers)
    function = tf.function(model)
    before = function(inputs)
    labelling = Labelling(op_by_op=False)
    with Graphing(labelling, compiled=False)._collecting():
        during = function(inputs)
    tf.debugging.assert_equal(before, during)
    tf.debugging.assert_equal(before, function(inputs))


@pytest.mark.parametrize("point", private.GRAPH_POINTS, ids=lambda point: point.where)
def test_this_release_has_what_graphs_hang_on(point):
    point.resolve()


@pytest.mark.parametrize(("name", "mode"), [("COLLECT_GRAPHS", "graph"), ("OP_CALLBACK", "eager")])
def test_without_it_what_is_lost_is_said(monkeypatch, tmp_path, name, mode):
    gone = private.Point("tensorflow.python.eager.context:_gone", "something")
    monkeypatch.setattr(private, name, gone)
    labelling = Labelling(op_by_op=mode == "eager")
    reply = describe(tmp_path, labelling, lambda: None)
    assert "cannot be seen" in reply.problem
    kept = graph_files.load(graphprof_folder(tmp_path) / graph_files.GRAPHS_FILE)
    assert kept.lost
    assert kept.ran is None


@pytest.mark.parametrize(
    ("shapes", "options", "flops"),
    [
        (((5, 3), (5, 7)), {"transpose_a": True}, 2 * 3 * 7 * 5),
        (((2, 5, 3), (2, 5, 7)), {"transpose_a": True}, 2 * 2 * 3 * 7 * 5),
        (((2, 4, 6), (2, 9, 6)), {"transpose_b": True}, 2 * 2 * 4 * 9 * 6),
        (((None, 6), (6, 2)), {}, None),
    ],
)
def test_products_of_transposed_matrices_are_counted_right(shapes, options, flops):
    product = tf.function(lambda one, other: tf.matmul(one, other, **options))
    graph = product.get_concrete_function(*map(tf.TensorSpec, shapes)).graph
    found = reading.built(graph)
    at = next(at for at in range(len(found.names)) if "MatMul" in found.type_of(at))
    assert (found.flops[at] if found.flops else None) == flops


def test_an_unknown_op_costs_nobody_knows_what():
    graph = tf.function(lambda x: tf.nn.relu(x)).get_concrete_function(tf.TensorSpec((2,))).graph
    found = reading.built(graph)
    assert found.counts["Relu"] == 1
    assert found.flops == ()
