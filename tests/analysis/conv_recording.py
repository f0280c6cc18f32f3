"""The recorded conv net with max-pooling in three modes (``scripts/record_layers_fixture``)."""

import functools
import gzip
import tempfile
from pathlib import Path

from graphprof.analysis import attribution
from graphprof.trace import labels, xspace

FIXTURES = Path(__file__).parents[1] / "fixtures" / "conv"
MODES = ("eager", "graph", "xla")


@functools.cache
def attributed(mode):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "host.xplane.pb"
        path.write_bytes(gzip.decompress((FIXTURES / f"{mode}.xplane.pb.gz").read_bytes()))
        known = labels.load(FIXTURES / f"{mode}.labels.json")
        trace = xspace.read(path, attribution.STATS)
        return attribution.attribute(trace, known, xspace.hlo_modules(path))
