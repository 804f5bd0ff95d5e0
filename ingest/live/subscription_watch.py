"""Whether a venue serves what it was asked for: what it refuses, and what it leaves unanswered and mute."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import orjson

from ingest.frame import Frame
from ingest.live.feed import Feed
from ingest.mapping.frame_mapper import FrameMapper, Message
from ingest.mapping.kinds import HEARTBEAT, NACK, NEW, texts_of
from ingest.mapping.layers import to_layers
from udfs.errors import ConfigError
from udfs.schema import MISSING

_log = logging.getLogger(__name__)

DATA_WITHIN_S: Final = 30.0
"""Ours: the recorded subscriptions to busy symbols brought data within seconds."""

_LONGEST_QUOTE: Final = 300
_MOST_REFUSALS: Final = 1000
_SECRET: Final = re.compile(r"key|sign|secret|pass|token|auth", re.IGNORECASE)
_MARKET: Final = re.compile(r"(?:.*[@.:])?([A-Z0-9]{2,12}[-_/][A-Z0-9]{2,12}|[A-Z0-9]{5,16})")
"""A market's name in a request: capitals, at the end of a channel's name or alone."""


class SubscriptionWatch:
    """Takes note of a feed's frames, says what is refused or mute, and ends the run if all is required.

    Parameters
    ----------
    feed : Feed
        Its `symbols`, or else the markets that its requests name, are waited for.
    require_all : bool
        Whether a refusal or a symbol without data is an error.
    clock_s : callable
        Monotonic clock.
    """

    def __init__(self, feed: Feed, *, require_all: bool = False, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._feed = feed
        self._require_all = require_all
        self._clock_s = clock_s
        self._names = feed.symbols or tuple(dict.fromkeys(_markets(feed.requests)))
        self._told: set[str] = set()
        self._refused: set[tuple[str, str]] = set()
        self._failure: str | None = None
        self._since_s: float | None = None
        self._begin()

    def open(self) -> None:
        """Take note that a session begins; one that ended before its data came counts on."""
        if self._is_served or self._since_s is None:
            self._since_s = self._clock_s()
        self._begin()

    def _begin(self) -> None:
        self._is_served = False
        self._mute = {name: _mention(name) for name in self._names}
        self._requests: dict[int, str] = {}
        self._n_sent = 0
        self._last_request = ""

    def take(self, frame: Frame, message: Message) -> None:
        """Take in a frame and the message that it became."""
        if frame.direction == "send":
            self._take_request(frame.text, message)
        elif message.msg_type is NACK:
            self._take_refusal(frame.text, message)
        elif message.msg_type is NEW and not self._is_served:
            self._take_data(frame.text)

    def look(self) -> None:
        """Say what is mute by now.

        Raises
        ------
        ConfigError
            If all is required, and something was refused or is mute.
        """
        since_s = self._since_s
        if since_s is not None and not self._is_served and self._clock_s() - since_s >= DATA_WITHIN_S:
            self._tell_mute()
        if self._require_all and self._failure is not None:
            raise ConfigError(
                f"Expected {self._feed.name} to get all that it asked for, found {self._failure}: "
                "correct or leave out what is named"
            )

    def _take_request(self, text: str, message: Message) -> None:
        if message.msg_type is HEARTBEAT or self._n_sent >= len(self._feed.requests):
            return
        self._n_sent += 1
        self._since_s = self._clock_s()
        self._last_request = text
        if message.request_id != MISSING:
            self._requests[message.request_id] = text

    def _take_refusal(self, text: str, message: Message) -> None:
        reason, request = _reason(text), self._requests.get(message.request_id, self._last_request)
        if (reason, request) in self._refused or len(self._refused) >= _MOST_REFUSALS:
            return
        self._refused.add((reason, request))
        asked = f" to {_quote_request(request)}" if request else ""
        _log.warning("%s: the venue says no%s: %s", self._feed.name, asked, reason)
        self._failure = self._failure or f"a no{asked}: {reason}"

    def _take_data(self, text: str) -> None:
        for name in [name for name, mention in self._mute.items() if mention.search(text)]:
            del self._mute[name]
        self._is_served = not self._mute

    def _tell_mute(self) -> None:
        self._is_served = True  # looked for no longer
        names = ", ".join(self._mute) or " ".join(map(_quote_request, self._feed.requests)) or self._feed.url
        if names in self._told:
            return
        self._told.add(names)
        _log.warning(
            "%s: no data within %.0f s of subscribing to %s: check how the venue writes it, and whether it trades",
            *(self._feed.name, DATA_WITHIN_S, names),
        )
        self._failure = self._failure or f"no data within {DATA_WITHIN_S:.0f} s for {names}"


class WatchSink:
    """A sink that only hands frames to a watch, for runs that send nothing to Kafka."""

    full = False

    def __init__(self, watch: SubscriptionWatch) -> None:
        self._watch = watch
        self._mappers: dict[str, FrameMapper] = {}

    def open(self, connection_id: str, feed: Feed) -> None:
        """Take note that a connection begins."""
        self._mappers[connection_id] = FrameMapper(connection_id)
        self._watch.open()

    def write(self, connection_id: str, frame: Frame) -> None:
        """Map the frame and hand it over."""
        self._watch.take(frame, self._mappers[connection_id].to_message(frame))

    def close(self, connection_id: str, reason: str) -> None:
        """Forget the connection."""
        del self._mappers[connection_id]


def _mention(name: str) -> re.Pattern[str]:
    escaped = re.escape(name).replace("/", r"\\?/")
    return re.compile(rf"(?<![A-Za-z0-9]){escaped}(?![A-Za-z0-9])", re.IGNORECASE)


def _markets(requests: Sequence[str]) -> Iterator[str]:
    for request in requests:
        for text in _texts_in(_parse(request)):
            match = _MARKET.fullmatch(text)
            if match is not None:
                yield match[1]


def _texts_in(value: Any) -> Iterator[str]:
    """List the texts in the lists and objects of a request; of an object's own fields, its verbs are capitals too."""
    if type(value) is str:
        yield value
    parts: Iterable[Any] = ()
    if type(value) is dict:
        parts = (part for key, part in value.items() if key not in ("method", "op", "event", "type", "action"))
    elif type(value) is list:
        parts = value
    for part in parts:
        yield from _texts_in(part)


def _parse(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _reason(text: str) -> str:
    """Quote what a refusal says in words, or else the frame; characters that do not show are escaped."""
    body = _parse(text)
    layers = to_layers(body)
    for fields, _ in tuple(layers):
        layers += to_layers(fields.get("error"))
    words = dict.fromkeys(words for layer in layers for words in texts_of(*layer))
    return _shorten(repr(" - ".join(words) or text))


def _quote_request(text: str) -> str:
    body = _parse(text)
    return _shorten(orjson.dumps(_without_secrets(body)).decode() if body is not None else repr(text))


def _without_secrets(value: Any) -> Any:
    if type(value) is dict:
        return {
            key: "..." if _SECRET.search(key) and type(part) is str else _without_secrets(part)
            for key, part in value.items()
        }
    return [_without_secrets(part) for part in value] if type(value) is list else value


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "..."
