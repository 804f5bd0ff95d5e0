"""Recordings of real connections: gzip'd JSON lines `{"ts_ns", "dir", "frame"}`, one connection a file or its parts.

A file's name without `.jsonl.gz` is the connection_id. A connection that was too long for one file is several,
`<connection_id>.part0001.jsonl.gz` and so on, and is read as one. A part that is named alone is read as a connection
of that id which holds only that part's frames; a missing part in the middle is refused, because the gap would look
like a silence of the venue and like lost messages, while missing first parts are no fault: old ones may be deleted.
"""

from __future__ import annotations

import gzip
import json
import logging
import re
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Final, cast

import numpy as np
import orjson

from ingest.frame import Direction, Frame
from ingest.mapping.frame_mapper import FrameMapper, Message
from udfs.errors import ConfigError, SchemaError
from udfs.schema import Session

_log = logging.getLogger(__name__)

MANIFEST_NAME: Final = "manifest.jsonl"
"""Lies beside the captures of a recorder and is none."""

_SUFFIXES: Final = (".jsonl", ".jsonl.gz")
_GZIP_MAGIC: Final = b"\x1f\x8b"
_LONGEST_ID: Final = 128
_INT64_MAX: Final = 2**63 - 1
_DIRECTIONS: Final = ("recv", "send")
_LINE_FORM: Final = '{"ts_ns": <int64>, "dir": "recv" or "send", "frame": <text>}'
_PART: Final = re.compile(r"(.+)\.part([0-9]{4,})", re.DOTALL)


def find_recordings(paths: Iterable[Path]) -> list[tuple[Path, ...]]:
    """List the recordings in files and folders, each as the files that are one connection, in order.

    A recorder's manifest is passed over.

    Raises
    ------
    ConfigError
        If a folder, or the whole list, holds none.
    SchemaError
        As in `group_parts`.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(filter(_is_capture, path.rglob("*"))) if path.is_dir() else [path]
        if not inside:
            raise ConfigError(f"Expected recordings (.jsonl.gz) in {path}, found none: name files or another folder")
        found += (file for file in inside if file.name != MANIFEST_NAME)
    if not found:
        raise ConfigError(f"Expected recordings (.jsonl.gz), found only {MANIFEST_NAME}: name its folder")
    return group_parts(found)


def group_parts(paths: Iterable[Path]) -> list[tuple[Path, ...]]:
    """Gather the parts of each rotated connection, in order; any other file is a group of its own.

    Raises
    ------
    SchemaError
        If a part between two others is missing, or one is there twice.
    """
    groups: list[dict[int, Path]] = []
    rotated: dict[tuple[Path, str], dict[int, Path]] = {}
    for path in paths:
        connection_id, part = _split_name(path)
        if part is None:
            groups.append({1: path})
            continue
        key = (path.parent, connection_id)
        if key not in rotated:
            rotated[key] = {}
            groups.append(rotated[key])
        other = rotated[key].setdefault(part, path)
        if other != path:
            raise SchemaError(f"Expected part {part} of {connection_id} once, found {other} and {path}: keep one")
    return [_in_order(parts) for parts in groups]


def part_name(connection_id: str, part: int) -> str:
    """Name the file of a part, counted from 1."""
    return f"{connection_id}.part{part:04d}.jsonl.gz"


def connection_id_of(path: Path) -> str:
    """Return the connection_id that a capture's name stands for.

    Raises
    ------
    SchemaError
        If it is none.
    """
    connection_id, _ = _split_name(path)
    if not (0 < len(connection_id) <= _LONGEST_ID and connection_id.isprintable()):
        raise SchemaError(
            f"Expected a file name of 1 to {_LONGEST_ID} printable characters before .jsonl.gz, found {path}: rename it"
        )
    return connection_id


def read_capture(capture: Path | str | Sequence[Path], *, declared_exchange: str | None = None) -> Session:
    """Read a capture as the session of messages that its connection would have been.

    Frames of both directions become messages in the order of the file. Memory grows by 48 bytes a frame, not by the
    frames themselves.

    Parameters
    ----------
    capture : path or sequence of paths
        Gzip'd or plain JSON lines; the file's name without `.jsonl.gz` or `.jsonl`, and without `.part0001`, becomes
        the connection_id. The parts of one connection, in order as `find_recordings` returns them, are one session.
    declared_exchange : str, optional
        What the connection shall claim to be.

    Raises
    ------
    ConfigError
        If a file cannot be opened.
    SchemaError
        If a line is not a frame, a file is corrupt or has no whole line, or its name cannot be a connection_id.
        A truncated end is not an error, for a recorder may be stopped at any time: the whole lines before it are
        kept, and a warning is logged.
    """
    parts = _to_parts(capture)
    connection_id = connection_id_of(parts[0])
    columns = tuple(array("q") for _ in Message._fields)
    mapper = FrameMapper()
    for frame in read_frames(parts):
        for column, value in zip(columns, mapper.to_message(frame), strict=True):
            column.append(value)
    arrays = {name: np.array(column, dtype=np.int64) for name, column in zip(Message._fields, columns, strict=True)}
    return Session(connection_id=connection_id, declared_exchange=declared_exchange, **arrays)


def read_frames(capture: Path | str | Sequence[Path]) -> Iterator[Frame]:
    """Read the frames of a capture one by one; errors and truncation as in `read_capture`."""
    parts = _to_parts(capture)
    n_frames = 0
    for path in parts:
        for frame in _part_frames(path):
            n_frames += 1
            yield frame
    if not n_frames:
        raise SchemaError(f"Expected at least one whole line {_LINE_FORM}, found none in {parts[0]}: leave it out")


def to_line(frame: Frame) -> bytes:
    """Lay a frame out as a capture's line, from which `read_frames` gets back the very same text.

    Text that UTF-8 cannot hold (lone surrogates) is written as Python's `surrogatepass` does.
    """
    record = {"ts_ns": frame.ts_ns, "dir": frame.direction, "frame": frame.text}
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        return json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def inflated_lines(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """Read lines of a file that may be gzip'd.

    Raises
    ------
    EOFError
        After the last whole line, if the gzip stream is cut off.
    SchemaError
        If it is corrupt.
    """
    magic = file.read(len(_GZIP_MAGIC))
    file.seek(0)
    if magic != _GZIP_MAGIC:
        yield from file
        return
    try:
        with gzip.open(file) as inflated:
            yield from inflated
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SchemaError(
            f"Expected a whole gzip file, found that {path} is corrupt ({error}): take another copy"
        ) from error


def shorten(text: str, *, most: int = 80) -> str:
    """Cut text for a sentence about it."""
    return text if len(text) <= most else text[:most] + "..."


def _is_capture(path: Path) -> bool:
    return path.name.endswith(_SUFFIXES) and path.name != MANIFEST_NAME


def _split_name(path: Path) -> tuple[str, int | None]:
    name = path.name.removesuffix(".gz").removesuffix(".jsonl")
    match = _PART.fullmatch(name)
    return (match[1], int(match[2])) if match else (name, None)


def _in_order(parts: dict[int, Path]) -> tuple[Path, ...]:
    numbers = sorted(parts)
    for number, following in pairwise(numbers):
        if following != number + 1:
            raise SchemaError(
                f"Expected part {number + 1} of {_split_name(parts[number])[0]} before {parts[following]}, found it "
                "missing: bring it back, or read the parts before and after the gap in two commands"
            )
    return tuple(parts[number] for number in numbers)


def _to_parts(capture: Path | str | Sequence[Path]) -> tuple[Path, ...]:
    return (Path(capture),) if isinstance(capture, str | Path) else tuple(capture)


def _part_frames(path: Path) -> Iterator[Frame]:
    for number, line in enumerate(_read_lines(path), start=1):
        frame = _to_frame(line)
        if frame is not None:
            yield frame
        elif line.endswith(b"\n"):
            raise SchemaError(
                f"Expected {_LINE_FORM}, found {_quote(line)} in line {number} of {path}: correct or remove it"
            )
        else:
            _log.warning("%s: line %d is cut off, %d frames were read", path, number, number - 1)


def _read_lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from inflated_lines(file, path)
    except OSError as error:
        raise ConfigError(
            f"Expected to read the capture {path}, found {error.strerror or error}: name a readable file"
        ) from error
    except EOFError:
        _log.warning("%s: the file ends in the middle of its gzip stream, the whole lines before were read", path)


def _to_frame(line: bytes) -> Frame | None:
    record = _parse(line)
    if type(record) is not dict:
        return None
    ts_ns, direction, text = record.get("ts_ns"), record.get("dir"), record.get("frame")
    if type(ts_ns) is not int or abs(ts_ns) > _INT64_MAX or direction not in _DIRECTIONS or type(text) is not str:
        return None
    return Frame(ts_ns, cast(Direction, direction), text)


def _parse(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        pass
    try:  # lone surrogates, which orjson refuses
        return json.loads(line.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return None


def _quote(line: bytes) -> str:
    return shorten(line.decode("utf-8", "replace").rstrip("\n"))
