"""Recordings of real connections: gzip'd JSON lines `{"ts_ns", "dir", "frame"}`, one connection a file or its parts."""

from __future__ import annotations

import json
import re
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import orjson

from ingest.frame import Direction, Frame
from ingest.mapping.frame_mapper import FrameMapper, Message
from ingest.recordings.capture_files import connection_id_of
from ingest.recordings.damage import Damages, TellDamage, log_damage
from ingest.recordings.file_bytes import BOM
from ingest.recordings.whole_lines import Torn, read_lines
from udfs.errors import PipelineError, SchemaError
from udfs.schema import Session

_INT64_MAX: Final = 2**63 - 1
_DIRECTIONS: Final = ("recv", "send")
_LINE_FORM: Final = '{"ts_ns": <int64>, "dir": "recv" or "send", "frame": <text>}'

_SHORTEST_BYTES: Final = len(b'{"ts_ns":1,"dir":"recv","frame":""}')
_LIGHT_BYTES: Final = 4 * 2**20
_MOST_VALUES: Final = 2_000_000
_MOST_TEXT_BYTES: Final = 64 * 2**20
"""What larger lines may hold, so that they take no more than some 300 MB of memory when they are parsed."""

_MOST_OTHERS: Final = 1_000_000
"""Lines in a row that are no frames; a file that has more is none of ours, or made to cost time."""

_BETWEEN_FRAMES: Final = re.compile(rb'[\r\0]+|(?=\{\s*"ts_ns")')
"""What parts the frames of a line that is none: old line ends, a few zeros, or nothing where the end of one is lost."""

_NOTHING: Final = BOM + b" \t\r\n"
"""White space, and the mark in front of a file that was appended to another."""


def read_capture(
    capture: Path | str | Sequence[Path], *, declared_exchange: str | None = None, tell: TellDamage = log_damage
) -> Session:
    """Read a capture as the session of messages that its connection would have been.

    Frames of both directions become messages in the order of the file. Memory grows by 56 bytes a frame, not by the
    frames themselves.

    Parameters
    ----------
    capture : path or sequence of paths
        Gzip'd or plain JSON lines; the file's name without `.jsonl.gz` or `.jsonl`, and without `.part0001`, becomes
        the connection_id. The parts of one connection, in order as `find_recordings` returns them, are one session.
    declared_exchange : str, optional
        What the connection shall claim to be.
    tell : callable
        Told at the end what could not be read of a damaged capture; all whole lines are.

    Raises
    ------
    ConfigError
        If a file cannot be opened.
    SchemaError
        If there is not one whole line, or the name cannot be a connection_id.
    """
    parts = _to_parts(capture)
    connection_id = connection_id_of(parts[0])
    return session_of_frames(read_frames(parts, tell), connection_id, declared_exchange)


def session_of_frames(frames: Iterable[Frame], connection_id: str, declared_exchange: str | None) -> Session:
    """Map all frames of one connection, in order, to the session of messages that it would have been."""
    columns = tuple(array("q") for _ in Message._fields)
    mapper = FrameMapper(connection_id)
    for frame in frames:
        for column, value in zip(columns, mapper.to_message(frame), strict=True):
            column.append(value)
    arrays = {name: np.frombuffer(column, np.int64) for name, column in zip(Message._fields, columns, strict=True)}
    return Session(connection_id=connection_id, declared_exchange=declared_exchange, **arrays)


def read_frames(capture: Path | str | Sequence[Path], tell: TellDamage = log_damage) -> Iterator[Frame]:
    """Read the frames of a capture one by one; damage and errors as in `read_capture`."""
    damages: list[Damages] = []
    n_frames = 0
    first_error: PipelineError | None = None
    parts = _to_parts(capture)
    for path in parts:
        damages.append(Damages(path))
        try:
            for frame in _part_frames(path, damages[-1]):
                n_frames += 1
                yield frame
        except PipelineError as error:
            first_error = first_error or error
            damages[-1].add(str(error))
    if not n_frames:
        raise first_error or _without_frames(damages)
    for damage in (damage for part in damages for damage in part.all()):
        tell(damage)


def wrong_frame(record: Mapping[str, Any]) -> str | None:
    """Say what is wrong with the fields of a JSON object that shall be a frame; None if nothing is.

    >>> wrong_frame({"ts_ns": 1, "dir": "in", "frame": ""})
    'no dir that is recv or send'
    """
    ts_ns = record.get("ts_ns")
    if type(ts_ns) is not int or abs(ts_ns) > _INT64_MAX:
        return "no ts_ns that is a 64-bit integer"
    if record.get("dir") not in _DIRECTIONS:
        return "no dir that is recv or send"
    return None if type(record.get("frame")) is str else "no frame that is a string"


def to_line(frame: Frame) -> bytes:
    """Lay a frame out as a capture's line, from which `read_frames` gets back the very same text.

    Text that UTF-8 cannot hold (lone surrogates) is written as Python's `surrogatepass` does.
    """
    record = {"ts_ns": frame.ts_ns, "dir": frame.direction, "frame": frame.text}
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        return json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def shorten(text: str, *, most: int = 80) -> str:
    """Cut text for a sentence about it."""
    return text if len(text) <= most else text[:most] + "..."


def _to_parts(capture: Path | str | Sequence[Path]) -> tuple[Path, ...]:
    return (Path(capture),) if isinstance(capture, str | Path) else tuple(capture)


def _without_frames(damages: list[Damages]) -> SchemaError:
    found = next((damage.what for part in damages for damage in part.first), "none")
    return SchemaError(
        f"Expected at least one whole line {_LINE_FORM}, found {found} in {damages[0].path}: leave it out"
    )


def _part_frames(path: Path, damages: Damages) -> Iterator[Frame]:
    n_others = 0  # since the last frame
    for number, line in enumerate(read_lines(path, damages.lose), start=1):
        frame = _to_frame(line)
        if frame is not None:
            n_others = 0
            yield frame
            continue
        n_others += 1
        if n_others > _MOST_OTHERS:
            damages.add(f"more than {_MOST_OTHERS:,} lines in a row without a frame, up to line {number:,}")
            return
        pieces = [piece for piece in _split(line) if piece.strip(_NOTHING)]
        frames = [frame for frame in map(_to_frame, pieces) if frame is not None]
        yield from frames
        if len(frames) == len(pieces) or isinstance(line, Torn):
            continue
        if line.endswith(b"\n"):
            damages.add(f"{_quote(line)} in line {number:,}")
        else:
            damages.add(f"that line {number:,} is cut off", unfinished=True)


def _split(line: bytes) -> list[bytes]:
    return _BETWEEN_FRAMES.split(line) if len(line) <= _LIGHT_BYTES else [line]


def _to_frame(line: bytes) -> Frame | None:
    if len(line) < _SHORTEST_BYTES:
        return None
    if len(line) > _LIGHT_BYTES and line.count(b",") + line.count(b"[") + line.count(b"{") > _MOST_VALUES:
        return None
    record = _parse(line)
    if type(record) is not dict:
        return None
    if wrong_frame(record) is not None or sys.getsizeof(record["frame"]) > _MOST_TEXT_BYTES:
        return None
    return Frame(record["ts_ns"], cast(Direction, record["dir"]), record["frame"])


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
    return shorten(line[:400].decode("utf-8", "replace").rstrip("\n"))
