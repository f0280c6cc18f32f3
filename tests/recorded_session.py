"""A session whose traces are the recorded conv net's, and one whose layers have hostile names."""

import gzip
import shutil
from pathlib import Path

import builders

from graphprof import session as sessions
from graphprof.session import Failure
from graphprof.trace.labels import LABELS_FILE
from graphprof.trace.memory_file import (
    MEMORY_FILE,
    DeviceMemory,
    Held,
    MemoryRecord,
    Moment,
    ResidentProcess,
    Told,
    to_json,
)

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
        (own / MEMORY_FILE).write_bytes(to_json(memory(mode)))
    return path


MIB = 1 << 20
LOADED = {"imports": 600 * MIB, "loading": 640 * MIB}
FIRST = {"eager": 650 * MIB, "graph": 680 * MIB, "xla": 850 * MIB}
"""Resident sets before and after the first call; that of eager then grows by 256 KiB a step."""


def memory(mode: str) -> MemoryRecord:
    """What the processes of a mode held, and what their variables take."""
    leak = (MIB >> 2) * (mode == "eager")
    moments = [Moment(after, None, size) for after, size in LOADED.items()]
    moments += [Moment("first", 0, FIRST[mode], 1), Moment("warmup", 0, FIRST[mode], 21)]
    moments += [Moment("block", 0, FIRST[mode] + at * 10 * leak, 21 + at * 10) for at in range(12)]
    held = (
        Held("conv/conv2d/kernel", "weights", 4608, trainable=True),
        Held("adam/conv_conv2d_kernel_momentum", "optimizer", 9216),
    )
    told = Told(held, (DeviceMemory("CPU:0", 0, 8 * MIB, 0),))
    processes = tuple(ResidentProcess(wave, "mode", 7, tuple(moments)) for wave in range(2))
    return MemoryRecord(processes, told=told)


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
