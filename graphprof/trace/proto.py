"""The messages of an xplane file, as protobuf classes of our own.

Built at import in a descriptor pool of their own, so that they stand beside TensorFlow's copy of the
same messages without a clash. Field numbers are those of ``xplane.proto`` in OpenXLA's tsl. Texts
are declared as bytes, which is the same on the wire: one name that is not UTF-8 must not make a
whole trace unreadable. Both oneofs are declared, or 0 could not be told from absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# Per message: (field, number, type); `*` is repeated, `|name` a member of the oneof of that name.
_MESSAGES: dict[str, tuple[tuple[str, int, str], ...]] = {
    "XSpace": (
        ("planes", 1, "XPlane*"),
        ("errors", 2, "bytes*"),
        ("warnings", 3, "bytes*"),
        ("hostnames", 4, "bytes*"),
    ),
    "XPlane": (
        ("id", 1, "int64"),
        ("name", 2, "bytes"),
        ("lines", 3, "XLine*"),
        ("event_metadata", 4, "EventMetadataEntry*"),
        ("stat_metadata", 5, "StatMetadataEntry*"),
        ("stats", 6, "XStat*"),
    ),
    # A map is a repeated entry on the wire; the last entry of a key holds.
    "EventMetadataEntry": (("key", 1, "int64"), ("value", 2, "XEventMetadata")),
    "StatMetadataEntry": (("key", 1, "int64"), ("value", 2, "XStatMetadata")),
    "XLine": (
        ("id", 1, "int64"),
        ("name", 2, "bytes"),
        ("timestamp_ns", 3, "int64"),
        ("events", 4, "XEvent*"),
        ("duration_ps", 9, "int64"),
        ("display_id", 10, "int64"),
        ("display_name", 11, "bytes"),
    ),
    "XEvent": (
        ("metadata_id", 1, "int64"),
        ("offset_ps", 2, "int64|data"),
        ("duration_ps", 3, "int64"),
        ("stats", 4, "XStat*"),
        ("num_occurrences", 5, "int64|data"),
    ),
    "XStat": (
        ("metadata_id", 1, "int64"),
        ("double_value", 2, "double|value"),
        ("uint64_value", 3, "uint64|value"),
        ("int64_value", 4, "int64|value"),
        ("str_value", 5, "bytes|value"),
        ("bytes_value", 6, "bytes|value"),
        ("ref_value", 7, "uint64|value"),
    ),
    "XEventMetadata": (
        ("id", 1, "int64"),
        ("name", 2, "bytes"),
        ("metadata", 3, "bytes"),
        ("display_name", 4, "bytes"),
        ("stats", 5, "XStat*"),
        ("child_id", 6, "int64*"),
    ),
    "XStatMetadata": (("id", 1, "int64"), ("name", 2, "bytes"), ("description", 3, "bytes")),
}

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS: dict[str, _Field.Type.ValueType] = {
    "int64": _Field.TYPE_INT64,
    "uint64": _Field.TYPE_UINT64,
    "double": _Field.TYPE_DOUBLE,
    "bytes": _Field.TYPE_BYTES,
}


def _add_field(
    message: descriptor_pb2.DescriptorProto, package: str, name: str, number: int, kind: str
) -> None:
    kind, _, oneof = kind.partition("|")
    repeated = kind.endswith("*")
    field = message.field.add(
        name=name,
        number=number,
        label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL,
    )
    kind = kind.rstrip("*")
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{package}.{kind}"
    if oneof:
        if not message.oneof_decl:
            message.oneof_decl.add(name=oneof)
        field.oneof_index = 0


Messages = Mapping[str, tuple[tuple[str, int, str], ...]]


def build(package: str, messages: Messages) -> dict[str, Any]:
    """Return a class for each message of a table like the one above, in a pool of their own."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package.replace('.', '/')}.proto", package=package, syntax="proto3"
    )
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field in fields:
            _add_field(message, package, *field)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in messages
    }


_classes = build("graphprof.xplane", _MESSAGES)
XSpace = _classes["XSpace"]
XEvent = _classes["XEvent"]
XStat = _classes["XStat"]
