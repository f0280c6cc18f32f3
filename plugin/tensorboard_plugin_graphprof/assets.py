"""The page's files, read and compressed once; served by looking a name up, never by opening a path."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

STATIC = Path(__file__).parent / "static"

# Stated here, because the system's table of types is wrong for JavaScript on some machines, and a
# browser refuses a module that comes as text/plain.
CONTENT_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Asset:
    """One file of the page.

    Attributes:
        body: its bytes, gzipped.
        content_type: what it is.
        tag: changes with its content (an HTTP entity tag).
    """

    body: bytes
    content_type: str
    tag: str


def read_assets(folder: Path = STATIC) -> dict[str, Asset]:
    """All files of the page by their path below ``folder``, ``/`` as separator."""
    return {
        path.relative_to(folder).as_posix(): _read(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in CONTENT_TYPES and path.is_file()
    }


def _read(path: Path) -> Asset:
    data = path.read_bytes()
    tag = hashlib.sha256(data).hexdigest()[:16]
    return Asset(gzip.compress(data, 9, mtime=0), CONTENT_TYPES[path.suffix], f'"{tag}"')


ASSETS = read_assets()
