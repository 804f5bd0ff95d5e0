r"""The lines of a text file that may be gzip'd, and damaged: each whole one, and what is lost where.

A line ends with `\n` alone, whatever other characters mean to Unicode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

from ingest.recordings.file_bytes import (
    BOM,
    GZIP_MAGIC,
    Loss,
    Piece,
    cannot_read,
    is_text,
    open_file,
    read_pieces,
    refuse_other_kinds,
)
from ingest.recordings.gzip_members import inflate
from udfs.errors import SchemaError

MAX_LINE_BYTES: Final = 40 * 2**20
"""A frame has 32 MiB at most; JSON sets a backslash before some characters."""

_MOST_LAYERS: Final = 3
_MOST_EXPANSION: Final = 250
_FREE_TEXT_BYTES: Final = 64 * 2**20
"""So much text may come of a file however small it is; JSON of real venues shrinks to a fifth to a fiftieth."""

Tell = Callable[[Loss, int], None]
"""Told what is lost, and the number of the line that would have come next, from 1."""


class Torn(bytes):
    """A line beside a loss: its beginning or its end may be missing."""


def read_lines(path: Path, tell: Tell, progress: Callable[[int], None] = lambda _: None) -> Iterator[bytes]:
    r"""Read the lines of a file, each with its `\n` if it has one.

    Memory is bounded: of a line of more than `MAX_LINE_BYTES` an empty torn one is left, and of what a file inflates to
    the first 64 MiB, or 250 times its size. A byte order mark is left out.

    Parameters
    ----------
    path : path
        Plain text, or gzip'd up to three times.
    tell : callable
        Told of each loss, in order.
    progress : callable
        Told how many bytes of the file were read.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    SchemaError
        If it is of a kind that is not read.
    """
    with open_file(path) as file:
        try:
            yield from _split(_texts(file, path, progress), tell)
        except OSError as error:
            raise cannot_read(path, error) from error


def _texts(file: BinaryIO, path: Path, progress: Callable[[int], None]) -> Iterator[Piece | Loss]:
    """Inflate as often as need be, and stop where it would be too much."""
    events = _begin(read_pieces(file), path)
    n_bytes = 0
    for event in events:
        yield event
        if isinstance(event, Piece):
            n_bytes += len(event.data)
            n_read = file.tell()
            progress(n_read)
            if n_bytes > max(_FREE_TEXT_BYTES, _MOST_EXPANSION * n_read):
                yield Loss(f"more than {_MOST_EXPANSION} times the file's size, of which the rest is left out", n_read)
                return


def _begin(events: Iterator[Piece | Loss], path: Path) -> Iterator[Piece | Loss]:
    first: list[Piece | Loss] = []
    begin = b""
    for n_layers in range(_MOST_LAYERS + 1):
        first, begin = _look_ahead(events)
        events = chain(first, events)
        if not begin.startswith(GZIP_MAGIC):
            refuse_other_kinds(begin, path)
            if n_layers > 0 or not path.name.endswith(".gz") or is_text(begin):
                return events
        events = inflate(events)
    raise SchemaError(f"Expected text in {path}, found that it is gzip'd more than three times: inflate it")


def _look_ahead(events: Iterator[Piece | Loss]) -> tuple[list[Piece | Loss], bytes]:
    """Take events up to the first bytes."""
    taken: list[Piece | Loss] = []
    for event in events:
        taken.append(event)
        if isinstance(event, Piece):
            return taken, event.data
    return taken, b""


def _split(events: Iterable[Piece | Loss], tell: Tell) -> Iterator[bytes]:
    """Split into lines; a line that a loss interrupts is two torn ones."""
    kept: list[bytes] = []
    n_kept = 0  # bytes of the line that has not ended yet
    number = 1
    is_torn, is_too_long, is_first = False, False, True
    for event in events:
        if isinstance(event, Loss):
            if n_kept or is_too_long:
                yield Torn(b"".join(kept))
                number += 1
            tell(event, number)
            kept, n_kept, is_torn, is_too_long = [], 0, True, False
            continue
        data = event.data
        if is_first:
            data, is_first = data.removeprefix(BOM), False
        begin = 0
        while (end := data.find(b"\n", begin) + 1) > 0:
            line = b"".join([*kept, data[begin:end]]) if kept else data[begin:end]
            if len(line) > MAX_LINE_BYTES:
                tell(_too_long(event), number)
                is_too_long = True
            if is_too_long:
                line, is_torn, is_too_long = b"", True, False
            yield Torn(line) if is_torn else line
            number += 1
            kept, n_kept, is_torn, begin = [], 0, False, end
        if is_too_long or begin == len(data):
            continue
        kept.append(data[begin:])
        n_kept += len(data) - begin
        if n_kept > MAX_LINE_BYTES:
            tell(_too_long(event), number)
            kept, n_kept, is_too_long = [], 0, True
    if n_kept:
        line = b"".join(kept)
        yield Torn(line) if is_torn else line


def _too_long(piece: Piece) -> Loss:
    return Loss(f"a line of more than {MAX_LINE_BYTES:,} bytes", piece.at_byte)
