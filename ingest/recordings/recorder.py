"""Writes captures: one gzip'd file a connection, or several parts of one, readable at any moment."""

from __future__ import annotations

import math
import os
import time
import zlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ingest.frame import Frame
from ingest.recordings.capture import to_line
from ingest.recordings.capture_files import part_name
from ingest.recordings.recording_manifest import Manifest, RecordedFeed
from udfs.errors import ConfigError

DEFAULT_ROTATE_MB: Final = 256
FLUSH_EVERY_S: Final = 1.0
"""A killed recorder loses at most what is younger, and what came since `flush` was last called."""

_MB: Final = 10**6
_CHUNK_BYTES: Final = 32 * 1024
"""Compressed at once, in about half a millisecond."""

_LEVEL: Final = 4
"""Five recordings, flushed each second, took 17% less room than at level 1 for 1.6 times its time (4 to 11 µs a frame);
level 6 would take another 10% off, for 1.6 times as long again."""

_GZIP: Final = 16 + zlib.MAX_WBITS
_MEMBER_BYTES: Final = 2**20
"""Text of a gzip member: what stands behind a damaged block is readable from the next one on."""


class Recorder:
    """A `Sink` that writes captures and a manifest of them into a folder.

    A connection's first frame opens its file, `<connection_id>.part0001.jsonl.gz`; once a file has grown to
    `rotate_mb` on the disk, the next frame opens the next part. Files are never appended to or overwritten. Lines
    reach the operating system within `FLUSH_EVERY_S`, and the disk when a file ends, which another thread waits for.

    Use it as a context manager; leaving it ends the files of connections that were not closed.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    rotate_mb : float
        Size of a compressed file, in millions of bytes, at which the next part begins.
    clock_s : callable
        Monotonic clock.

    Raises
    ------
    ConfigError
        From here or any method, if the folder cannot be written or the disk is full; from then on no frame is taken,
        and closing connections is silent.
    """

    def __init__(
        self, folder: Path, *, rotate_mb: float = DEFAULT_ROTATE_MB, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._rotate_bytes = rotate_mb * _MB
        self._clock_s = clock_s
        self._connections: dict[str, _Connection] = {}
        self._ending: list[Future[None]] = []
        self._error: ConfigError | None = None
        try:
            self._manifest = Manifest(folder)
        except OSError as error:
            raise self._failed(error) from error
        self._disk = ThreadPoolExecutor(1, "recorder-disk")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for connection_id in list(self._connections):
            self._end(self._connections.pop(connection_id), "the recorder was stopped", clean=False)
        self._disk.shutdown()
        self._collect()
        self._manifest.close()
        if kind is None and self._error is not None:
            raise self._error

    def open(self, connection_id: str, feed: RecordedFeed) -> None:
        """Take note that a connection begins; its file is opened with its first frame."""
        self._connections[connection_id] = _Connection(connection_id, feed)

    def write(self, connection_id: str, frame: Frame) -> None:
        """Take a frame over."""
        if self._error is not None:
            raise self._error
        connection = self._connections[connection_id]
        try:
            part = connection.part
            if part is None or part.n_bytes >= self._rotate_bytes:
                part = self._next_part(connection)
            part.add(frame)
            now_s = self._clock_s()
            if now_s - part.flushed_s >= FLUSH_EVERY_S:
                part.flush(now_s)
        except OSError as error:
            raise self._failed(error) from error

    def flush(self) -> None:
        """Flush what has waited long enough: to be called about once a second, in case no more frames come."""
        now_s = self._clock_s()
        try:
            for connection in self._connections.values():
                if connection.part is not None and now_s - connection.part.flushed_s >= FLUSH_EVERY_S:
                    connection.part.flush(now_s)
        except OSError as error:
            raise self._failed(error) from error
        self._ending = self._collect()
        if self._error is not None:
            raise self._error

    def close(self, connection_id: str, reason: str) -> None:
        """Take note that a connection has ended, and end its file."""
        earlier_error = self._error
        self._end(self._connections.pop(connection_id), reason, clean=True)
        if self._error is not earlier_error and self._error is not None:
            raise self._error

    @property
    def full(self) -> bool:
        """Never: a disk too slow for its streams holds them up instead."""
        return False

    def _next_part(self, connection: _Connection) -> _Part:
        self._end(connection, "rotated", clean=True)
        if self._error is not None:
            raise self._error
        connection.n_parts += 1
        file = part_name(connection.connection_id, connection.n_parts)
        self._manifest.opened(file, connection.connection_id, connection.n_parts, connection.feed)
        connection.part = _Part(self._folder / file)
        return connection.part

    def _end(self, connection: _Connection, reason: str, *, clean: bool) -> None:
        part, connection.part = connection.part, None
        if part is None:
            return
        whole = self._error is None and self._finish(part)
        facts = {
            "connection_id": connection.connection_id,
            "part": connection.n_parts,
            **part.facts(),
            "reason": reason if whole else f"{reason}, and the file could not be written to its end",
            "clean": clean and whole,
        }
        self._ending.append(self._disk.submit(self._settle, part, facts))

    def _finish(self, part: _Part) -> bool:
        try:
            part.finish()
        except OSError as error:
            self._failed(error)
            return False
        return True

    def _settle(self, part: _Part, facts: dict[str, Any]) -> None:
        part.close()
        self._manifest.ended(part.path.name, facts)

    def _collect(self) -> list[Future[None]]:
        """Take errors over from the other thread; return what it still has to do."""
        for future in self._ending:
            error = future.exception() if future.done() else None
            if isinstance(error, OSError):
                self._failed(error)
        return [future for future in self._ending if not future.done()]

    def _failed(self, error: OSError) -> ConfigError:
        if self._error is None:
            self._error = ConfigError(
                f"Expected to be able to record into {self._folder}, found {error.strerror or error}: make room or "
                "choose another place"
            )
        return self._error


@dataclass
class _Connection:
    connection_id: str
    feed: RecordedFeed
    n_parts: int = 0
    part: _Part | None = None


class _Part:
    """A file that grows; raises OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.n_bytes = 0
        self.flushed_s = -math.inf  # so that a file is never seen without a line
        self._n_frames = {"recv": 0, "send": 0}
        self._lines: list[bytes] = []
        self._n_waiting_bytes = 0
        self._n_member_bytes = 0
        self._flushed = True
        self._gzip = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._sha256 = sha256()
        self._file = path.open("xb", buffering=0)

    def add(self, frame: Frame) -> None:
        line = to_line(frame)
        self._lines.append(line)
        self._n_frames[frame.direction] += 1
        self._n_waiting_bytes += len(line)
        self._flushed = False
        self._n_member_bytes += len(line)
        if self._n_member_bytes >= _MEMBER_BYTES:
            self.finish()
            self._gzip = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        elif self._n_waiting_bytes >= _CHUNK_BYTES:
            self._write(self._compress())

    def flush(self, now_s: float) -> None:
        if self._flushed:
            return
        self.flushed_s = now_s
        self._flushed = True
        if self._n_member_bytes:
            self._write(self._compress() + self._gzip.flush(zlib.Z_SYNC_FLUSH))

    def finish(self) -> None:
        if self._n_member_bytes:
            self._write(self._compress() + self._gzip.flush())
            self._n_member_bytes = 0

    def close(self) -> None:
        with self._file:
            os.fsync(self._file.fileno())

    def facts(self) -> dict[str, Any]:
        return {
            "received": self._n_frames["recv"],
            "sent": self._n_frames["send"],
            "bytes": self.n_bytes,
            "sha256": self._sha256.hexdigest(),
        }

    def _compress(self) -> bytes:
        compressed = self._gzip.compress(b"".join(self._lines))
        self._lines.clear()
        self._n_waiting_bytes = 0
        return compressed

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            n_written = self._file.write(rest)
            self.n_bytes += n_written
            self._sha256.update(rest[:n_written])
            rest = rest[n_written:]
