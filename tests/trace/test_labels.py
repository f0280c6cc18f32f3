"""``labels.json``: written, read, missing, damaged."""

import pytest

from graphprof.errors import SessionError
from graphprof.trace import labels
from graphprof.trace.labels import Label, Labels, LayerInfo


def test_what_is_written_is_read(tmp_path):
    written = Labels(
        layers=(LayerInfo("net/dense", "Dense"), LayerInfo("net", "Sequential", True)),
        scopes={"net_1/dense_1": Label("net/dense", "forward")},
        ops={"Sum": Label("loss", "metrics")},
    )
    (tmp_path / "labels.json").write_bytes(labels.to_json(written))
    assert labels.load(tmp_path / "labels.json") == written
    assert written.containers == {"net"}


def test_a_trace_of_others_has_none(tmp_path):
    assert labels.load(tmp_path / "labels.json") == Labels()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"scopes": {"a": ["x", "sideways"]}}'])
def test_a_damaged_file_is_an_error_with_a_cure(tmp_path, content):
    (tmp_path / "labels.json").write_text(content)
    with pytest.raises(SessionError, match="Delete it"):
        labels.load(tmp_path / "labels.json")
