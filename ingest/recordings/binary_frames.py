"""Binary frames as text: some venues compress by themselves."""

from __future__ import annotations

import zlib
from typing import Final

LARGEST_FRAME_BYTES: Final = 32 * 2**20
"""Of what is received, and of what it may inflate to."""

_ZLIB_OR_GZIP: Final = 32 + zlib.MAX_WBITS
_RAW_DEFLATE: Final = -zlib.MAX_WBITS
_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZLIB_METHOD: Final = 0x78
_ZLIB_CHECK: Final = 31


def to_text(data: bytes) -> str:
    r"""Turn a binary frame into text: inflated if it is gzip, zlib or raw deflate, as it is if UTF-8, else its repr.

    What would inflate to `LARGEST_FRAME_BYTES` or more is not inflated.

    >>> to_text(zlib.compress(b'{"ping":1}'))
    '{"ping":1}'
    >>> to_text(bytes([0, 255]))
    "b'\\x00\\xff'"
    """
    compressed = data.startswith(_GZIP_MAGIC) or _has_zlib_header(data)
    text = _inflate(data, _ZLIB_OR_GZIP) if compressed else None
    if text is None:
        text = _decode(data)
    if text is None:
        text = _inflate(data, _RAW_DEFLATE)
    return repr(data) if text is None else text


def _has_zlib_header(data: bytes) -> bool:
    return data[:1] == bytes([_ZLIB_METHOD]) and int.from_bytes(data[:2]) % _ZLIB_CHECK == 0


def _inflate(data: bytes, window_bits: int) -> str | None:
    inflater = zlib.decompressobj(window_bits)
    try:
        inflated = inflater.decompress(data, LARGEST_FRAME_BYTES)
    except zlib.error:
        return None
    return _decode(inflated) if inflater.eof and not inflater.unused_data else None


def _decode(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
