"""The outline of a trace file: its planes, where their lines lie, and all names; no events."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphprof.trace import wire
from graphprof.trace.columns import text
from graphprof.trace.wire import Damaged, Field, Source, signed


@dataclass(frozen=True)
class PlaneOutline:
    """A plane without its events.

    Attributes:
        name: as ``/host:CPU``.
        lines: where its lines lie in the file.
        event_names, stat_names: by metadata id.
        event_metadata: where the metadata of its events lie.
        stats: the plane's own stats, serialised.
    """

    name: str
    lines: tuple[Field, ...]
    event_names: dict[int, str]
    stat_names: dict[int, str]
    event_metadata: tuple[Field, ...]
    stats: tuple[bytes, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it that makes it a plane."""
        return not (self.name or self.lines or self.event_names or self.stats)


@dataclass
class Outline:
    """What a file holds.

    Attributes:
        source: the file.
        planes: its planes.
        errors, warnings: as recorded by the profiler.
        dropped: what could not be read, one sentence each.
    """

    source: Source
    planes: list[PlaneOutline] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def fields(self, message: Field, what: str) -> list[Field]:
        """Return the fields of a message, as far as they can be read; damage is written down."""
        found = []
        try:
            for part in wire.fields(self.source, message.start, message.end):
                found.append(part)  # noqa: PERF402 (what came before the damage must be kept)
        except Damaged as damage:
            self.damage(what, damage.at, message.end)
        return found

    def damage(self, what: str, at: int, end: int) -> None:
        """Write down that ``what`` cannot be read from ``at`` to its ``end``."""
        # A message that ends where a cut file ends was cut, which is written down already.
        if not (end == self.source.size and self.dropped):
            self.dropped.append(f"{what} is damaged at byte {at}: {end - at} bytes were not read")

    def text(self, parts: list[Field], number: int) -> str:
        """Return the text of field ``number``, the last one if there are several."""
        found = [part for part in parts if part.number == number and part.wire == wire.LENGTH]
        return text(self.source.read(found[-1].start, found[-1].end)) if found else ""

    def names(self, entries: list[Field], what: str) -> dict[int, str]:
        """Read the names in a metadata map, passing over the blobs that may lie beside them."""
        names = {}
        for entry in entries:
            parts = self.fields(entry, what)
            keys = [part.value for part in parts if part.number == 1 and part.wire == wire.VARINT]
            values = [part for part in parts if part.number == 2 and part.wire == wire.LENGTH]
            metadata = self.fields(values[-1], what) if values else []
            names[signed(keys[-1]) if keys else 0] = self.text(metadata, 2)
        return names


def walk(source: Source) -> Outline:
    """Find the planes, lines and names of a file, as far as it goes."""
    outline = Outline(source)
    whole = Field(0, wire.LENGTH, 0, 0, source.size, 0, 0)
    parts = outline.fields(whole, "The file")
    if parts and parts[-1].missing:
        outline.dropped.append(
            f"The file is cut off: {parts[-1].missing} bytes that it announces are missing"
        )
    for part in parts:
        if part.wire != wire.LENGTH:
            continue
        if part.number == 1:
            outline.planes.append(_plane(outline, part))
        elif part.number in (2, 3):
            messages = outline.errors if part.number == 2 else outline.warnings
            messages.append(text(source.read(part.start, part.end)))
    return outline


def _plane(outline: Outline, message: Field) -> PlaneOutline:
    by_number: dict[int, list[Field]] = {3: [], 4: [], 5: [], 6: []}
    parts = outline.fields(message, "A plane")
    name = outline.text(parts, 2)
    for part in parts:
        # Of a line that was cut off the beginning is of use, of the rest nothing is.
        of_use = part.number == 3 or not part.missing
        if part.wire == wire.LENGTH and part.number in by_number and of_use:
            by_number[part.number].append(part)
    return PlaneOutline(
        name=name,
        lines=tuple(by_number[3]),
        event_names=outline.names(by_number[4], f"An event's name in plane {name}"),
        stat_names=outline.names(by_number[5], f"A stat's name in plane {name}"),
        event_metadata=tuple(by_number[4]),
        stats=tuple(outline.source.read(part.start, part.end) for part in by_number[6]),
    )
