"""The recorded sessions of the built-in models (``scripts/record_layers_fixture --builtins``)."""

import functools
import tarfile
import tempfile
from pathlib import Path

from graphprof import session
from graphprof.analysis.work import attribution

FIXTURES = Path(__file__).parent / "fixtures" / "builtins"
MODELS = ("digits_cnn", "digits_mlp", "digits_lstm", "digits_transformer")
MODES = ("eager", "graph", "xla", "fit")


@functools.cache
def _unpacked(model):
    folder = tempfile.TemporaryDirectory()
    with tarfile.open(FIXTURES / f"{model}.tar.xz") as archive:
        archive.extractall(folder.name, filter="data")
    return folder, session.load(Path(folder.name) / model)


def load(model):
    """The session of a model."""
    return _unpacked(model)[1]


@functools.cache
def attributed(model, mode):
    """Whose the time of a mode's steps is."""
    return attribution.of_run(load(model).run(mode))
