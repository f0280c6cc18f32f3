"""The recorded conv net with max-pooling in three modes (``scripts/record_layers_fixture``)."""

import contextlib
import functools
import gzip
import tempfile
from pathlib import Path

from graphprof.analysis.work import attribution
from graphprof.trace import labels, xspace

FIXTURES = Path(__file__).parents[1] / "fixtures" / "conv"
MODES = ("eager", "graph", "xla")


@contextlib.contextmanager
def recording(mode):
    """Path of a mode's trace."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "host.xplane.pb"
        path.write_bytes(gzip.decompress((FIXTURES / f"{mode}.xplane.pb.gz").read_bytes()))
        yield path


def modules(mode):
    """The XLA modules of a mode."""
    with recording(mode) as path:
        return xspace.hlo_modules(path)


@functools.cache
def attributed(mode):
    with recording(mode) as path:
        known = labels.load(FIXTURES / f"{mode}.labels.json")
        trace = xspace.read(path, attribution.STATS)
        return attribution.attribute(trace, known, xspace.hlo_modules(path))
