"""The list of originals: where each is, and which capture is made of it.

`origins.csv` says of each capture where its original is, and its SHA-256. `index.csv` beside it says what the capture
holds: `frames` received, `sent`, `start_ns` of the first received frame, and `seconds` to the last one.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import quote

from ingest.recordings.foreign_formats import Entry, Kind
from udfs.errors import ConfigError, SchemaError

_NS_PER_S: Final = 1e9
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A capture, and where its original is."""

    file: str
    repository: str
    commit: str
    path: str
    sha256: str
    frames: int
    sent: int
    seconds: float
    start_ns: int

    @property
    def url_path(self) -> str:
        """The original's place below the address of raw files."""
        return quote(f"{self.repository}/{self.commit}/{self.path}")

    @property
    def local_name(self) -> str:
        """Name of the original on this machine; captures of one original share it."""
        return f"{self.sha256[:12]}-{PurePosixPath(self.path).name}.original"


def read_origins(origins_path: Path, only: str = "*") -> list[Origin]:
    """Read `origins.csv`, and `index.csv` beside it, for the captures whose file name fits the pattern `only`.

    Raises
    ------
    ConfigError
        If one of them cannot be read, or no capture fits.
    SchemaError
        If a row is not complete, or names a file outside the folder.
    """
    rows = [*_rows(origins_path)]
    index = {row["file"]: row for row in _rows(origins_path.with_name("index.csv")) if "file" in row}
    found: list[Origin] = []
    for row in rows:
        try:
            listed = index[row["file"]]
            texts = {name: row[name] for name in ("file", "repository", "commit", "path", "sha256")}
            counts = {name: int(listed[name]) for name in ("frames", "sent", "start_ns")}
            origin = Origin(
                **texts,
                frames=counts["frames"],
                sent=counts["sent"],
                start_ns=counts["start_ns"],
                seconds=float(listed["seconds"]),
            )
            place = PurePosixPath(origin.file)
            if place.is_absolute() or ".." in place.parts or not _SHA256.fullmatch(origin.sha256):
                raise ValueError
        except (KeyError, ValueError, TypeError) as error:
            raise SchemaError(
                f"Expected file, repository, commit, path and sha256 in each row of {origins_path}, and the file in "
                f"index.csv beside it, found {row}: correct the row"
            ) from error
        if fnmatchcase(origin.file, only):
            found.append(origin)
    if not found:
        raise ConfigError(f"Expected recordings that fit {only} in {origins_path}, found none: name another pattern")
    return found


def capture_text(origin: Origin, entries: Iterable[Entry]) -> bytes:
    """Return the lines of the capture: of the connection that starts when the list says, as many frames as it says.

    Raises
    ------
    SchemaError
        If the original holds no such connection.
    """
    found = "no connection"
    for frames in _connections(origin, entries):
        times_ns = [frame.ts_ns for frame in frames if frame.kind is Kind.RECEIVED]
        if times_ns and times_ns[0] == origin.start_ns:
            seconds = round((times_ns[-1] - times_ns[0]) / _NS_PER_S, 1)
            counts = (len(times_ns), len(frames) - len(times_ns), seconds)
            if counts == (origin.frames, origin.sent, origin.seconds):
                return b"".join(map(_line, frames))
            found = f"{counts[0]} received and {counts[1]} sent in {counts[2]} s"
    raise SchemaError(
        f"Expected {origin.frames} frames received and {origin.sent} sent in {origin.seconds} s from {origin.start_ns} "
        f"on, found {found}: compare the original with index.csv"
    )


def _connections(origin: Origin, entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Return the frames of each connection, up to as many as the capture holds."""
    number = 0

    def number_of(entry: Entry) -> int:
        nonlocal number
        number += entry.kind is Kind.CONNECT
        return number

    for _, connection in groupby(entries, number_of):
        yield [*_first_frames(origin, connection)]


def _first_frames(origin: Origin, connection: Iterable[Entry]) -> Iterator[Entry]:
    counts = Counter[Kind]()
    for frame in (entry for entry in connection if entry.is_frame):
        yield frame
        counts[frame.kind] += 1
        if counts[Kind.RECEIVED] >= origin.frames and counts[Kind.SENT] >= origin.sent:
            return


def _line(frame: Entry) -> bytes:
    """Write a line as the published captures have it, with blanks, which a recorder of ours leaves out."""
    direction = "recv" if frame.kind is Kind.RECEIVED else "send"
    return json.dumps({"ts_ns": frame.ts_ns, "dir": direction, "frame": frame.text}).encode() + b"\n"


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            yield from csv.DictReader(file)
    except OSError as error:
        raise ConfigError(
            f"Expected the list {path}, found {error.strerror}: name a folder with origins.csv and index.csv"
        ) from error
