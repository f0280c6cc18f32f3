"""A session whose traces are the recorded conv net's, and one whose layers have hostile names."""

import gzip
import shutil
from pathlib import Path

import builders

from graphprof import session as sessions
from graphprof.session import Failure
from graphprof.trace.labels import LABELS_FILE

FIXTURES = Path(__file__).parent / "fixtures" / "conv"
RECORDED = "conv"
"""The id of the session that ``write`` makes."""

STEP_S = {"eager": 0.095, "graph": 0.0044, "xla": 0.0104}
UNAVAILABLE = Failure("unavailable", "No batch count fits", "Give --steps 32")


def write(folder: Path) -> Path:
    """Lay the recording of three modes into a session; a fourth mode could not run."""
    path = builders.session(
        folder,
        modes=(*STEP_S, "fit-spe=8"),
        name=RECORDED,
        step_s=STEP_S,
        rounds=4,
        failed={"fit-spe=8": UNAVAILABLE},
    )
    for mode in STEP_S:
        trace = next((path / mode).rglob("*.xplane.pb"))
        trace.write_bytes(gzip.decompress((FIXTURES / f"{mode}.xplane.pb.gz").read_bytes()))
        own = sessions.graphprof_folder(path / mode)
        shutil.copy(FIXTURES / f"{mode}.labels.json", own / LABELS_FILE)
    return path


def write_hostile(folder: Path, name: str) -> Path:
    """A session whose modes, layers and ops have names that break what forgets to escape them."""
    path = builders.session(folder, modes=("eager",), name=name, hostile_names=True, rounds=2)
    for factor, trace in enumerate(sorted(path.rglob("*.xplane.pb")), start=1):
        trace.write_bytes(_hostile_trace(factor))
    return path


def _hostile_trace(factor: int) -> bytes:
    texts = [text for text in builders.HOSTILE if text]
    width = 100 * factor
    space = builders.Space()
    python = space.plane().line("python")
    python.event("train", 0, width * len(texts) + 50, _r=1, step_num=0)
    for number, text in enumerate(texts):
        start = 10 + number * width
        python.event(f"layer: net/{text}", start, width - 5)
        python.event("EagerExecute", start + 5, width - 15)
        python.event(f"EagerLocalExecute: {text}", start + 10, width - 30)
        python.event("KernelAndDeviceOp::Run", start + 15, width - 45)
    return space.data
