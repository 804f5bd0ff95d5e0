"""Any other venue that speaks JSON by WebSocket, so that unknown ones can be watched too."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import orjson

from ingest.adapters.checks import check_name, check_url, name_host
from ingest.live.feed import Feed, Keepalive
from udfs.errors import ConfigError

SILENT_AFTER_S: Final = 60.0
"""Ours: of the venues whose recordings are at hand, none was silent for as long."""

OWN_PING_S: Final = 20.0
"""Ours; every WebSocket endpoint has to answer pings (RFC 6455, section 5.5.2)."""

_FRAME_FORM: Final = "a JSON object or array on each line"


def generic_feed(
    url: str,
    *,
    subscribe: Path | None = None,
    name: str | None = None,
    declared_exchange: str | None = None,
    silent_after_s: float = SILENT_AFTER_S,
    ping_every_s: float | None = OWN_PING_S,
    keepalive: Keepalive | None = None,
    requests_per_s: float = 1.0,
) -> Feed:
    """Connect to an address and send the frames of a file.

    Parameters
    ----------
    url : str
        `wss://` or `ws://`.
    subscribe : path, optional
        One JSON frame a line, sent as it stands; blank lines are left out.
    name : str, optional
        Begins the connection ids; without it the host does.
    declared_exchange : str, optional
        What the connections shall claim to be.
    silent_after_s : float
        A living connection is never silent for as long.
    ping_every_s : float or None
        None for a venue that answers no pings.
    keepalive : Keepalive, optional
        What the venue wants to hear from its clients; need not be JSON.
    requests_per_s : float
        As often as the venue lets a client send.

    Raises
    ------
    ConfigError
        If the address, the name or a number is none, or the file cannot be read or holds something else.
    """
    check_url(url)
    if name is not None:
        check_name(name)
    _check_positive("time until a connection counts as silent, in seconds,", silent_after_s)
    _check_positive("number of requests a second", requests_per_s)
    if ping_every_s is not None:
        _check_positive("time between pings, in seconds,", ping_every_s)
    if keepalive is not None:
        _check_positive("time between keepalives, in seconds,", keepalive.every_s)
        if not keepalive.text:
            raise ConfigError("Expected what the venue wants to hear as the keepalive, found nothing: write it")
    return Feed(
        name=name_host(url) if name is None else name,
        declared_exchange=declared_exchange,
        url=url,
        requests=() if subscribe is None else _read_requests(subscribe),
        requests_per_s=requests_per_s,
        keepalive=keepalive,
        ping_every_s=ping_every_s,
        silent_after_s=silent_after_s,
    )


def _check_positive(what: str, value: float) -> None:
    if not (value > 0 and math.isfinite(value)):
        raise ConfigError(f"Expected a {what} above 0, found {value}: give another number")


def _read_requests(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except OSError as error:
        raise ConfigError(
            f"Expected to read subscriptions from {path}, found {error.strerror or error}: name a readable file"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"Expected {path} to be UTF-8 text, found other bytes ({error.reason}): save it so"
        ) from error
    frames = {number: line.strip() for number, line in enumerate(lines, start=1) if line.strip()}
    if not frames:
        raise ConfigError(f"Expected {_FRAME_FORM} of {path}, found none: write the subscriptions into it")
    for number, frame in frames.items():
        _check_frame(path, number, frame)
    return tuple(frames.values())


def _check_frame(path: Path, number: int, frame: str) -> None:
    try:
        body = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        raise ConfigError(
            f"Expected {_FRAME_FORM}, found no JSON in line {number} of {path} ({error}): correct it"
        ) from error
    if not isinstance(body, dict | list):
        raise ConfigError(f"Expected {_FRAME_FORM}, found {frame[:80]} in line {number} of {path}: write a whole frame")
