"""What a binary frame may be that nothing here understands, so that a warning can name it."""

from __future__ import annotations

import struct
from typing import Final

_SBE_HEADER: Final = struct.Struct("<HHHH")
_LONGEST_BLOCK: Final = 4096
_LATEST_VERSION: Final = 64
_WIRE_VARINT, _WIRE_64, _WIRE_BYTES, _WIRE_32 = 0, 1, 2, 5
_LONGEST_VARINT: Final = 10
_MOST_FIELDS: Final = 1000
_HIGHEST_FIELD: Final = 20_000


def name_binary(data: bytes) -> str:
    r"""Name the format that a binary frame looks like.

    Protobuf is what reads as fields to the last byte; SBE (Simple Binary Encoding) begins with four little-endian
    numbers of 16 bits: the length of a block that fits, a template, a schema, and a version that is small.

    >>> name_binary(b"\x08\x96\x01"), name_binary(struct.pack("<HHHHQ", 8, 10000, 1, 0, 5)), name_binary(b"\xff")
    ('protobuf', 'SBE', 'an unknown binary format')
    """
    if _is_sbe(data):
        return "SBE"
    return "protobuf" if _is_protobuf(data) else "an unknown binary format"


def _is_sbe(data: bytes) -> bool:
    if len(data) <= _SBE_HEADER.size:
        return False
    block, template, schema, version = _SBE_HEADER.unpack_from(data)
    fits = 0 < block <= min(_LONGEST_BLOCK, len(data) - _SBE_HEADER.size)
    return bool(fits and template and schema) and version <= _LATEST_VERSION


def _is_protobuf(data: bytes) -> bool:
    at = 0
    for _ in range(_MOST_FIELDS):
        if at >= len(data):
            return at == len(data) and at > 0
        tag, at = _varint(data, at)
        if not 0 < tag >> 3 <= _HIGHEST_FIELD:
            return False
        kind = tag & 7
        if kind == _WIRE_VARINT:
            value, at = _varint(data, at)
            if value < 0:
                return False
        elif kind == _WIRE_BYTES:
            length, at = _varint(data, at)
            if length < 0:
                return False
            at += length
        elif kind in (_WIRE_64, _WIRE_32):
            at += 8 if kind == _WIRE_64 else 4
        else:
            return False
    return at <= len(data)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a number and where it ends; -1 if it does not end."""
    value = 0
    for n in range(_LONGEST_VARINT):
        if at + n >= len(data):
            break
        byte = data[at + n]
        value |= (byte & 0x7F) << 7 * n
        if byte < 0x80:
            return value, at + n + 1
    return -1, at
