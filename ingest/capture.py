"""Read recordings of real connections: gzip'd JSON lines `{"ts_ns", "dir", "frame"}`, one connection a file."""

from __future__ import annotations

import gzip
import logging
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

import numpy as np
import orjson

from ingest.feed import Frame
from ingest.mapping import Direction, Message, map_frame
from udfs.errors import ConfigError, SchemaError
from udfs.schema import Session

_log = logging.getLogger(__name__)

_GZIP_MAGIC: Final = b"\x1f\x8b"
_LONGEST_ID: Final = 128
_INT64_MAX: Final = 2**63 - 1
_DIRECTIONS: Final = ("recv", "send")
_LINE_FORM: Final = '{"ts_ns": <int64>, "dir": "recv" or "send", "frame": <text>}'


def read_capture(path: Path | str, *, declared_exchange: str | None = None) -> Session:
    """Read a capture as the session of messages that its connection would have been.

    Frames of both directions become messages in the order of the file. Memory grows by 48 bytes a frame, not by the
    frames themselves.

    Parameters
    ----------
    path : path
        Gzip'd or plain JSON lines; the file's name without `.jsonl.gz` or `.jsonl` becomes the connection_id.
    declared_exchange : str, optional
        What the connection shall claim to be.

    Raises
    ------
    ConfigError
        If the file cannot be opened.
    SchemaError
        If a line is not a frame, the file is corrupt or has no whole line, or its name cannot be a connection_id.
        A truncated end is not an error, for a recorder may be stopped at any time: the whole lines before it are
        kept, and a warning is logged.
    """
    path = Path(path)
    connection_id = _connection_id(path)
    columns = tuple(array("q") for _ in Message._fields)
    for frame in read_frames(path):
        message = map_frame(frame.text, frame.direction, frame.ts_ns)
        for column, value in zip(columns, message, strict=True):
            column.append(value)
    if not columns[0]:
        raise SchemaError(f"{path}: expected at least one whole line {_LINE_FORM}, but there is none")
    arrays = {name: np.array(column, dtype=np.int64) for name, column in zip(Message._fields, columns, strict=True)}
    return Session(connection_id=connection_id, declared_exchange=declared_exchange, **arrays)


def read_frames(path: Path) -> Iterator[Frame]:
    """Read the frames of a capture one by one; errors and truncation as in `read_capture`."""
    for number, line in enumerate(_read_lines(path), start=1):
        frame = _to_frame(line)
        if frame is not None:
            yield frame
        elif line.endswith(b"\n"):
            raise SchemaError(f"{path}, line {number}: expected {_LINE_FORM}, but found {_shorten(line)}")
        else:
            _log.warning("%s: line %d is cut off, %d frames were read", path, number, number - 1)


def _connection_id(path: Path) -> str:
    name = path.name.removesuffix(".gz").removesuffix(".jsonl")
    if not (0 < len(name) <= _LONGEST_ID and name.isprintable()):
        raise SchemaError(f"{path}: expected a file name of 1 to {_LONGEST_ID} printable characters before .jsonl.gz")
    return name


def _read_lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from _inflate(path, file)
    except OSError as error:
        raise ConfigError(f"cannot read the capture {path}: {error.strerror or error}") from error


def _inflate(path: Path, file: BinaryIO) -> Iterator[bytes]:
    if file.read(len(_GZIP_MAGIC)) != _GZIP_MAGIC:
        file.seek(0)
        yield from file
        return
    file.seek(0)
    try:
        with gzip.open(file) as inflated:
            yield from inflated
    except EOFError:
        _log.warning("%s: the file ends in the middle of its gzip stream, the whole lines before were read", path)
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SchemaError(f"{path}: expected a whole gzip file, but it is corrupt ({error})") from error


def _to_frame(line: bytes) -> Frame | None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if type(record) is not dict:
        return None
    ts_ns, direction, text = record.get("ts_ns"), record.get("dir"), record.get("frame")
    if type(ts_ns) is not int or abs(ts_ns) > _INT64_MAX or direction not in _DIRECTIONS or type(text) is not str:
        return None
    return Frame(ts_ns, cast(Direction, direction), text)


def _shorten(line: bytes, *, most: int = 80) -> str:
    text = line[:most].decode("utf-8", "replace").rstrip("\n")
    return text if len(line) <= most else text + "..."
