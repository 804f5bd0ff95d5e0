"""What a recorder says about its files, `manifest.jsonl`: a line when a file is opened, and another when it ends."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import orjson

from ingest.recordings.capture_files import MANIFEST_NAME

_WITHHELD: Final = "..."
_HARMLESS_QUERIES: Final = frozenset({"streams"})
"""Public subscriptions; any other value of a query may be a key."""

_KEY_LIKE: Final = re.compile(r"[A-Za-z0-9_-]{20,}")
"""A path's segment of this form may be a user's key, as some providers want it."""

_CREDENTIALS: Final = re.compile(r"api.?key|secret|pass|sign|token|jwt|auth|log.?[io]n", re.IGNORECASE)


class RecordedFeed(Protocol):
    """What a manifest says of the feed that a recording is of; `ingest.live.feed.Feed` says what each part means."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def declared_exchange(self) -> str | None:
        """What its connections claim to be."""

    @property
    def url(self) -> str:
        """Where it connects to."""

    @property
    def requests(self) -> tuple[str, ...]:
        """The frames that were sent."""


class Manifest:
    """The manifest of a folder, made if there is none, else continued.

    Lines are appended whole, from any thread.

    Raises
    ------
    OSError
        From here or any method, if the folder or the file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / MANIFEST_NAME
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        if not _ends_with_newline(path):
            os.write(self._fd, b"\n")  # the last line of a recorder that died

    def opened(self, file: str, connection_id: str, part: int, feed: RecordedFeed) -> None:
        """Say that a file is about to be there."""
        self._append(
            {
                "event": "opened",
                "file": file,
                "connection_id": connection_id,
                "part": part,
                "declared_exchange": feed.declared_exchange,
                "feed": feed.name,
                "url": public_url(feed.url),
                "requests": [public_request(request) for request in feed.requests],
                "started_at": _now(),
            }
        )

    def ended(self, file: str, facts: dict[str, Any]) -> None:
        """Say that a file has ended, and wait until that is on the disk."""
        self._append({"event": "ended", "file": file, **facts, "ended_at": _now()})
        os.fsync(self._fd)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def _append(self, record: dict[str, Any]) -> None:
        os.write(self._fd, orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))


def read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """Read what is known of each file by its name: both of its lines in one, without `ended_at` if it never ended.

    A file has not ended while its recorder runs, or if that died. A folder without a manifest knows nothing; a line
    that was cut off by a recorder's death says nothing.
    """
    try:
        lines = (folder / MANIFEST_NAME).read_bytes().splitlines()
    except OSError:
        return {}
    files: dict[str, dict[str, Any]] = {}
    for line in lines:
        try:
            record = orjson.loads(line)
            files.setdefault(record["file"], {}).update(record)
        except (orjson.JSONDecodeError, KeyError, TypeError):
            continue
    return files


def public_url(url: str) -> str:
    """Take out of an address what may be secret: user and password, values of queries, segments like keys, fragment.

    >>> public_url("wss://ann:s3cret@x.com:9443/stream?streams=btcusdt@trade/ethusdt@trade&listenKey=5Fe2#top")
    'wss://x.com:9443/stream?streams=btcusdt@trade/ethusdt@trade&listenKey=...'
    >>> public_url("wss://x.com/v2/0123456789abcdef0123456789abcdef")
    'wss://x.com/v2/...'
    """
    parts = urlsplit(url)
    queries = parse_qsl(parts.query, keep_blank_values=True)
    return urlunsplit(
        (
            parts.scheme,
            parts.netloc.rpartition("@")[2],
            "/".join(_WITHHELD if _KEY_LIKE.fullmatch(segment) else segment for segment in parts.path.split("/")),
            "&".join(f"{name}={value if name in _HARMLESS_QUERIES else _WITHHELD}" for name, value in queries),
            "",
        )
    )


def public_request(request: str) -> str:
    """Withhold a request that names credentials; the capture itself holds every frame as it was sent."""
    return _WITHHELD if _CREDENTIALS.search(request) else request


def _ends_with_newline(path: Path) -> bool:
    content = path.read_bytes()
    return not content or content.endswith(b"\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
