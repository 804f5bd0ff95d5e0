"""The bytes of a file that may be damaged: opened without waiting, long runs of zeros taken out, its kind told."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from udfs.errors import ConfigError, SchemaError

GZIP_MAGIC: Final = b"\x1f\x8b"
BOM: Final = b"\xef\xbb\xbf"

_CHUNK_BYTES: Final = 32 * 1024
_LEAST_ZEROS: Final = 64
"""A power loss leaves blocks of zeros; no text holds so many."""

_ENOUGH_ZEROS: Final = bytes(_LEAST_ZEROS)
_ZEROS: Final = re.compile(rb"(\0{%d,})" % _LEAST_ZEROS)
_FOREIGN_MAGICS: Final = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
    (b"BZh", "compressed by bzip2"),
    (b"\xfd7zXZ\0", "compressed by xz"),
    (b"\x04\x22\x4d\x18", "compressed by lz4"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"PAR1", "a Parquet file"),
    (b"\0\x05\x16\x07", "the companion in which macOS keeps a file's attributes"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"\0\0\xfe\xff", "UTF-32"),
)
_UTF_16: Final = re.compile(rb"(?:\0[\x09-\x7e]){2}|(?:[\x09-\x7e]\0){2}")
_TEXT: Final = re.compile(rb"[\x01\t\r\n\x20-\xff]+")
_LOOKED_AT_BYTES: Final = 512


class Loss(NamedTuple):
    """Something that is lost from a file.

    Attributes
    ----------
    what : str
        In words, after "found".
    at_byte : int
        Where in the file, from 0.
    unfinished : bool
        The file only ends too early, as that of a recorder that still runs or was killed.
    n_zeros : int
        Zero bytes that stand there.
    """

    what: str
    at_byte: int
    unfinished: bool = False
    n_zeros: int = 0


class Piece(NamedTuple):
    """Bytes, and where in the file they stand."""

    data: bytes
    at_byte: int


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading; never wait for a pipe's writer.

    Raises
    ------
    ConfigError
        If it cannot be read or is a folder, a pipe or a device.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return os.fdopen(descriptor, "rb")
        os.close(descriptor)
    except OSError as error:
        raise cannot_read(path, error) from error
    kind = "a folder" if path.is_dir() else "a pipe or a device"
    raise ConfigError(f"Expected to read the file {path}, found that it is {kind}: name a file")


def cannot_read(path: Path, error: OSError) -> ConfigError:
    """Say that the system does not let us read a file."""
    return ConfigError(f"Expected to read the file {path}, found {error.strerror or error}: name a readable file")


def refuse_other_kinds(first: bytes, path: Path) -> None:
    """Refuse a file that begins like one of a kind that is not read.

    Raises
    ------
    SchemaError
        Which names the kind.
    """
    kind = next((kind for magic, kind in _FOREIGN_MAGICS if first.startswith(magic)), None)
    if kind is None and _UTF_16.match(first):
        kind = "UTF-16"
    if kind is not None:
        raise SchemaError(
            f"Expected text in UTF-8, plain or gzip'd, found that {path} is {kind}: bring it into that form, or leave "
            "it out"
        )


def is_text(data: bytes) -> bool:
    """Tell whether bytes begin as text does: without control characters, but for those that FIX and lines need."""
    return _TEXT.fullmatch(data, 0, _LOOKED_AT_BYTES) is not None


def read_pieces(file: BinaryIO) -> Iterator[Piece | Loss]:
    """Read a file from its beginning, a bounded piece at a time; each long run of zero bytes is a loss."""
    at_byte = n_zeros = 0
    while chunk := file.read(_CHUNK_BYTES):
        body = chunk.rstrip(b"\0")
        if not body:
            n_zeros += len(chunk)
            continue
        rest = body.lstrip(b"\0")
        n_zeros += len(body) - len(rest)
        if n_zeros >= _LEAST_ZEROS:
            yield zeros_lost(n_zeros, at_byte)
            at_byte += n_zeros
        else:
            rest = bytes(n_zeros) + rest
        for number, part in enumerate(_ZEROS.split(rest) if _ENOUGH_ZEROS in rest else (rest,)):
            yield zeros_lost(len(part), at_byte) if number % 2 else Piece(part, at_byte)
            at_byte += len(part)
        n_zeros = len(chunk) - len(body)
    if n_zeros >= _LEAST_ZEROS:
        yield zeros_lost(n_zeros, at_byte)
    elif n_zeros:
        yield Piece(bytes(n_zeros), at_byte)


def zeros_lost(n_bytes: int, at_byte: int) -> Loss:
    """Say that there are zero bytes in place of others."""
    return Loss(f"{n_bytes:,} zero bytes", at_byte, n_zeros=n_bytes)
