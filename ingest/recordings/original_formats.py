"""The recordings that `convert` does not read: files of crossbook, and JSON lines of several connections.

crossbook writes `CBCAP1 <venue> <symbol> <start>`, then for each frame `<local time in ns> <bytes>` and the frame, each
with a line feed behind it. The other form is `{"ts": <seconds>, "pair": ..., "raw": <frame>}`; a connection begins with
its `subscriptions` frame.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any, Final

from ingest.mapping.values import to_epoch_ns
from ingest.recordings.foreign_formats import FORMATS, Entry, Kind, detect_format, read_entries
from ingest.recordings.whole_lines import Torn, read_lines
from udfs.errors import SchemaError
from udfs.schema import MISSING

_CROSSBOOK: Final = b"CBCAP1 "
_JSON_LINE: Final = b'{"ts":'


def read_original(path: Path) -> Iterator[Entry]:
    """Read an original, told by its first line that is not blank; a gzip stream that is cut off ends it.

    Raises
    ------
    SchemaError
        If it has no known form, or does not keep to its form.
    """
    with closing(_whole_lines(path)) as lines:
        first = next((line for line in lines if line.strip()), b"")
        everything = chain([first], lines)
        if first.startswith(_CROSSBOOK):
            yield from _read_crossbook(everything, path)
        elif first.startswith(_JSON_LINE):
            yield from _read_json_lines(everything, path)
        else:
            name = detect_format(first.decode("utf-8", "replace").strip("\r\n"))
            if name is None:
                raise SchemaError(
                    f"Expected a known form of recording in {path}, found another one: correct its row in origins.csv"
                )
            yield from read_entries(everything, FORMATS[name], path)


def _whole_lines(path: Path) -> Generator[bytes, None, None]:
    for line in read_lines(path, lambda *_: None):
        if not isinstance(line, Torn):
            yield line


def _read_crossbook(lines: Iterable[bytes], path: Path) -> Iterator[Entry]:
    remaining = iter(lines)
    next(remaining)
    number = 1
    for header in remaining:
        number += 1
        try:
            ts_ns, n_bytes = map(int, header.split())
            frame = b""
            while len(frame) <= n_bytes:  # a frame may hold line feeds
                frame += next(remaining)
            text = frame.removesuffix(b"\n").decode()
        except (ValueError, StopIteration) as error:
            raise _broken(number, path) from error
        if len(frame) != n_bytes + 1:
            raise _broken(number, path)
        yield Entry(kind=Kind.RECEIVED, number=number, ts_ns=ts_ns, text=text, n_lines=1 + frame.count(b"\n"))
        number += frame.count(b"\n")


def _read_json_lines(lines: Iterable[bytes], path: Path) -> Iterator[Entry]:
    for number, line in enumerate(lines, start=1):
        try:
            values = json.loads(line, parse_float=str)  # the time's digits as they are written
            ts_ns, text = to_epoch_ns(str(values["ts"])), values["raw"]
            begins = _begins_connection(json.loads(text))
        except (ValueError, KeyError, TypeError) as error:
            raise _broken(number, path) from error
        if ts_ns == MISSING:
            raise _broken(number, path)
        if begins:
            yield Entry(kind=Kind.CONNECT, number=number, ts_ns=ts_ns)
        yield Entry(kind=Kind.RECEIVED, number=number, ts_ns=ts_ns, text=text)


def _begins_connection(frame: Any) -> bool:
    return isinstance(frame, dict) and frame.get("type") == "subscriptions"


def _broken(number: int, path: Path) -> SchemaError:
    return SchemaError(f"Expected a time and a frame, found something else in line {number} of {path}: fetch it again")
