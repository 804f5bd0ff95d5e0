"""Fetch the originals of recordings from where they are published, and make the captures of them that a list names.

One file at a time. A download that was cut off goes on where it ended, and a server that asks to wait is waited for.
"""

from __future__ import annotations

import gzip
import hashlib
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from ingest.recordings.original_formats import read_original
from ingest.recordings.origins import Origin, capture_text
from udfs.certificate_errors import CERTIFICATE_ADVICE, certificate_error
from udfs.errors import ConfigError, SchemaError, ServiceUnavailable

RAW_FILES_URL: Final = "https://raw.githubusercontent.com"
"""Serves `/<repository>/<commit>/<path>`."""

ORIGINALS: Final = "originals"
"""Folder beside the captures."""

_ATTEMPTS: Final = 5
_LONGEST_PAUSE_S: Final = 300.0
_TIMEOUT_S: Final = 30
_CHUNK_BYTES: Final = 1 << 13
"""So much is lost when the line is cut."""
_LEVEL: Final = 9
"""With it, and the name in the header, the file is the published one: models name their captures by SHA-256."""
_TOO_MANY, _SERVER_ERROR, _PARTIAL, _NOT_THAT_RANGE = 429, 500, 206, 416
_BACKOFF: Final = wait_exponential(max=30)


class State(StrEnum):
    """What became of a capture; the values are words for the user."""

    WRITTEN = "written"
    PRESENT = "present, the same"
    MISSING = "missing"
    DIFFERS = "differs"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a capture, and why if it is not there as listed."""

    origin: Origin
    state: State
    reason: str = ""


def fetch(
    origin: Origin, folder: Path, base_url: str = RAW_FILES_URL, *, sleep: Callable[[float], None] = time.sleep
) -> Outcome:
    """Fetch an original, unless it is there, and make its capture in `folder`; a capture that is there is compared.

    Raises
    ------
    ServiceUnavailable
        If nothing answers, or not as it should, after some attempts.
    """
    original = folder / ORIGINALS / origin.local_name
    if not (original.is_file() and _sha256(original) == origin.sha256):
        reason = _download(origin, original, base_url.rstrip("/"), sleep)
        if reason:
            return Outcome(origin=origin, state=State.MISSING, reason=reason)
    try:
        text = capture_text(origin, read_original(original))
    except SchemaError as error:
        return Outcome(origin=origin, state=State.DIFFERS, reason=str(error))
    return _keep(origin, folder / origin.file, text)


def _keep(origin: Origin, path: Path, text: bytes) -> Outcome:
    if path.exists():
        try:
            with gzip.open(path) as inflated:  # never more of it than would be the same
                same = inflated.read(len(text) + 1) == text
        except (OSError, EOFError, zlib.error):
            same = False
        reason = "" if same else "the capture that is there holds other lines: remove it to have it made"
        return Outcome(origin=origin, state=State.PRESENT if same else State.DIFFERS, reason=reason)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("wb") as file, gzip.GzipFile(path.name, "wb", _LEVEL, file, mtime=0) as inflated:
        inflated.write(text)
    unfinished.replace(path)
    return Outcome(origin=origin, state=State.WRITTEN)


def _download(origin: Origin, original: Path, base_url: str, sleep: Callable[[float], None]) -> str:
    """Bring an original; return why it cannot be had, nothing if it is there."""
    original.parent.mkdir(parents=True, exist_ok=True)
    part = original.with_name(f"{original.name}.part")
    url = f"{base_url}/{origin.url_path}"
    attempts = Retrying(
        retry=retry_if_exception(_may_pass),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=_pause_s,
        sleep=sleep,
        reraise=True,
    )
    try:
        if not (part.is_file() and _sha256(part) == origin.sha256):
            attempts(_continue, url, part)
    except requests.RequestException as error:
        status = None if error.response is None else error.response.status_code
        if status is not None and not _may_pass(error):
            return f"HTTP status {status}"
        if isinstance(error, ValueError):
            raise ConfigError(
                "Expected an address of raw files, found one that is none: correct --raw-files"
            ) from error
        if problem := certificate_error(error):
            raise ConfigError(
                f"Expected to download {origin.url_path} from {urlsplit(url).hostname}, found {problem}: "
                f"{CERTIFICATE_ADVICE}"
            ) from error
        cause = f"HTTP status {status}" if status else type(error).__name__
        raise ServiceUnavailable(
            f"Expected to download {origin.url_path} from {urlsplit(url).hostname}, found {cause}: check the network "
            "and try again, for what is there is kept"
        ) from error
    found = _sha256(part)
    if found != origin.sha256:
        part.unlink()
        return f"sha256 {found[:12]}... instead of {origin.sha256[:12]}..., removed"
    part.replace(original)
    return ""


def _continue(url: str, part: Path) -> None:
    """Download what is missing of a file."""
    begin = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begin}-"} if begin else {})
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
        if response.status_code == _NOT_THAT_RANGE and begin:
            part.unlink()
            raise requests.ConnectionError("The part is longer than the file")
        response.raise_for_status()
        with part.open("ab" if response.status_code == _PARTIAL else "wb") as file:
            for chunk in response.iter_content(_CHUNK_BYTES):
                file.write(chunk)


def _may_pass(error: BaseException) -> bool:
    if certificate_error(error):
        return False
    if isinstance(error, requests.HTTPError):
        status = error.response.status_code
        return status == _TOO_MANY or status >= _SERVER_ERROR
    passing = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return isinstance(error, passing)


def _pause_s(state: RetryCallState) -> float:
    """Return how long the server asks to wait, or what grows with each attempt."""
    error = state.outcome.exception() if state.outcome else None
    response = getattr(error, "response", None)
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    if asked.isdigit():
        return min(float(asked), _LONGEST_PAUSE_S)
    try:
        return min(max(parsedate_to_datetime(asked).timestamp() - time.time(), 0.0), _LONGEST_PAUSE_S)
    except ValueError:
        return _BACKOFF(state)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
