"""Which traces are meant: files, patterns and log directories, to one entry a recording.

A recording of several hosts is a folder ``plugins/profile/<time>`` with one file a host. Steps are
made by one Python program, so that one host's file is taken: the first by name, as hosts are
numbered; the others are named in the session's notes.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from graphprof.session import SESSION_FILE

ENDING = ".xplane.pb"

_COMPRESSED = b"\x1f\x8b"
_RECORD = "Give the *.xplane.pb that tf.profiler wrote below <logdir>/plugins/profile"


@dataclass(frozen=True)
class Source:
    """One recording.

    Attributes:
        path: its ``*.xplane.pb``.
        host: the host that it is of.
        profile_run: the folder's name below ``plugins/profile``; empty for a file that lies
            elsewhere.
        name: what people tell it by: the folder that was profiled into, or the file's name.
        other_hosts: hosts of the same recording whose files are left out.
    """

    path: Path
    host: str
    profile_run: str
    name: str
    other_hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """What cannot be imported: which, why, and what to do."""

    path: str
    message: str
    cure: str


def find(arguments: Iterable[str]) -> tuple[list[Source], list[Refused]]:
    """Return the recordings that arguments name, each once, in their order.

    Args:
        arguments: files, patterns (``**`` goes down any number of folders) and folders.
    """
    files: list[Path] = []
    refused: list[Refused] = []
    for argument in arguments:
        found = _files(argument, refused)
        files.extend(found)
    distinct = {path.resolve(): path for path in reversed(files)}
    return list(_recordings([*reversed(distinct.values())])), refused


def look(path: Path) -> Refused | None:
    """Say what is wrong with a file, as far as its name and first bytes tell."""
    if ".trace.json" in path.name or path.suffix in (".json", ".gz"):
        return Refused(
            str(path),
            f"{path} is the trace viewer's copy of a recording, which lacks most of it",
            "Give the *.xplane.pb that lies beside it",
        )
    try:
        with path.open("rb") as file:
            head = file.read(2)
    except OSError as error:
        return Refused(
            str(path),
            f"Cannot read {path}: {error.strerror or error}",
            "Check its name and permissions",
        )
    if not head:
        return Refused(
            str(path),
            f"{path} is empty",
            "Record it again, with fewer steps: TensorFlow writes nothing when a recording exceeds 2 GB",
        )
    if head == _COMPRESSED:
        return Refused(str(path), f"{path} is compressed", f"Unpack it first: gunzip {path}")
    return None


def _files(argument: str, refused: list[Refused]) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        return _below(path, refused)
    if not path.exists() and glob.has_magic(argument):
        found = [Path(name) for name in sorted(glob.glob(argument, recursive=True))]
        files = [file for file in found if file.is_file()]
        if not files:
            refused.append(Refused(argument, f"No file matches {argument}", _RECORD))
        return files
    return [path]


def _below(folder: Path, refused: list[Refused]) -> list[Path]:
    """Return the traces below a folder, but for those of graphprof's own sessions."""
    found = sorted(folder.rglob(f"*{ENDING}"))
    files = [file for file in found if not _is_own(file, folder)]
    if found and not files:
        refused.append(
            Refused(
                str(folder),
                f"{folder} holds graphprof's own sessions alone",
                f"They need no import: graphprof report {folder}",
            )
        )
    elif not found:
        refused.append(Refused(str(folder), f"There is no *{ENDING} below {folder}", _RECORD))
    return files


def _is_own(file: Path, folder: Path) -> bool:
    above = [folder, *(folder / part for part in file.relative_to(folder).parents)]
    return any((parent / SESSION_FILE).is_file() for parent in above)


def _recordings(files: Sequence[Path]) -> Iterator[Source]:
    by_folder: dict[Path, list[Path]] = {}
    for file in files:
        by_folder.setdefault(_folder(file) or file, []).append(file)
    for key, own in by_folder.items():
        first, *others = sorted(own)
        host = first.name.removesuffix(ENDING)
        hosts = tuple(other.name.removesuffix(ENDING) for other in others)
        if key == first:
            yield Source(first, host, "", host)
        else:
            yield Source(first, host, key.name, _profiled(key), hosts)


def _folder(file: Path) -> Path | None:
    """The folder of a recording that lies where TensorFlow puts it, else None."""
    where = file.absolute().parts[-4:-2]
    return file.parent if where == ("plugins", "profile") else None


def _profiled(folder: Path) -> str:
    """The folder that was profiled into; Keras puts a ``train`` in between."""
    above = folder.absolute().parents[2]
    return f"{above.parent.name}/{above.name}" if above.name in _KERAS else above.name


_KERAS = ("train", "validation")
