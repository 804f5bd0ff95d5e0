"""The files of recordings: which of a folder are some, and which of them are one connection.

A file's name without `.jsonl.gz` is the connection_id. A connection that was too long for one file is several,
`<connection_id>.part0001.jsonl.gz` and so on, and is read as one. A part that is named alone is read as a connection
of that id which holds only that part's frames; a missing part in the middle is refused, because the gap would look
like a silence of the venue and like lost messages, while missing first parts are no fault: old ones may be deleted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

from ingest.recordings.file_bytes import cannot_read
from udfs.errors import ConfigError, PipelineError, SchemaError

MANIFEST_NAME: Final = "manifest.jsonl"
"""Lies beside the captures of a recorder and is none."""

_SUFFIXES: Final = (".jsonl", ".jsonl.gz")
_LONGEST_ID: Final = 128
_PART: Final = re.compile(r"(.+)\.part([0-9]{4,})", re.DOTALL)


Skip = Callable[[PipelineError], None]
"""Told why files are left out; it raises the error where they may not be."""


def refuse(error: PipelineError) -> None:
    """Leave nothing out."""
    raise error


def find_recordings(paths: Iterable[Path], skip: Skip = refuse) -> list[tuple[Path, ...]]:
    """List the recordings in files and folders, each as the files that are one connection, in order.

    A recorder's manifest is passed over, and links to folders are not followed.

    Raises
    ------
    ConfigError
        If a folder, or the whole list, holds none.
    SchemaError
        As in `group_parts`.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(_captures_in(path, skip)) if path.is_dir() else [path]
        if not inside:
            raise ConfigError(f"Expected recordings (.jsonl.gz) in {path}, found none: name files or another folder")
        found += (file for file in inside if file.name != MANIFEST_NAME)
    if not found:
        raise ConfigError(f"Expected recordings (.jsonl.gz), found only {MANIFEST_NAME}: name its folder")
    return group_parts(found, skip)


def group_parts(paths: Iterable[Path], skip: Skip = refuse) -> list[tuple[Path, ...]]:
    """Gather the parts of each rotated connection, in order; any other file is a group of its own.

    Raises
    ------
    SchemaError
        If a part between two others is missing, or one is there twice. Whoever skips it goes on without the whole
        connection, or with the first one that was found.
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
            skip(SchemaError(f"Expected part {part} of {connection_id} once, found {other} and {path}: keep one"))
    return [files for parts in groups if (files := _in_order(parts, skip))]


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


def _split_name(path: Path) -> tuple[str, int | None]:
    name = path.name.removesuffix(".gz").removesuffix(".jsonl")
    match = _PART.fullmatch(name)
    return (match[1], int(match[2])) if match else (name, None)


def _captures_in(folder: Path, skip: Skip) -> Iterator[Path]:
    def complain(error: OSError) -> None:
        skip(cannot_read(Path(error.filename), error))

    for place, folders, files in os.walk(folder, onerror=complain):
        for name in (*files, *folders):
            if name.endswith(_SUFFIXES) and name != MANIFEST_NAME:
                yield Path(place, name)


def _in_order(parts: dict[int, Path], skip: Skip) -> tuple[Path, ...]:
    numbers = sorted(parts)
    for number, following in pairwise(numbers):
        if following != number + 1:
            skip(
                SchemaError(
                    f"Expected part {number + 1} of {_split_name(parts[number])[0]} before {parts[following]}, found "
                    "it missing: bring it back, or read the parts before and after the gap in two commands"
                )
            )
            return ()
    return tuple(parts[number] for number in numbers)
