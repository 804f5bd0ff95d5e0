"""One session of a live feed: from a connection that opened to the reason of its end."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from ingest.frame import Frame
from ingest.live.feed import Feed, Keepalive, Sink
from ingest.live.websocket import Connection, ConnectionEnded

_log = logging.getLogger(__name__)

State = Literal["waiting for room", "connecting", "live", "backing off", "stopped"]

STOP: Final = "stop"
SINK_FULL: Final = "sink full"
SESSION_LIMIT: Final = "session limit"
EXPECTED_ENDS: Final = frozenset({STOP, SESSION_LIMIT})
SILENT: Final = "silent"
NO_PONG: Final = "no pong"

_GOODBYE_S: Final = 2.0
_LOOKS: Final = 4
"""How often the watchdog looks before it believes in silence: one look proves nothing after this process slept."""

_LONGEST_MARGIN_S: Final = 60.0
_MARGIN_SHARE: Final = 0.1
_LONGEST_NAME: Final = 100


@dataclass(slots=True)
class FeedStats:
    """What a feed has done so far; read it at any time.

    Attributes
    ----------
    state : str
        What the feed is doing.
    connection_id : str or None
        Of the session that is live.
    next_attempt_ns : int
        When a feed that is backing off will connect, in ns since the epoch.
    frames_in, bytes_in, frames_out, bytes_out : int
        Of all sessions; bytes as UTF-8, after decompression.
    sessions : int
        How many have begun.
    last_frame_ns : int
        When the last frame arrived; 0 if none has.
    ends : Counter
        Ends of sessions and refused attempts by reason.
    """

    state: State = "connecting"
    connection_id: str | None = None
    next_attempt_ns: int = 0
    frames_in: int = 0
    bytes_in: int = 0
    frames_out: int = 0
    bytes_out: int = 0
    sessions: int = 0
    last_frame_ns: int = 0
    ends: Counter[str] = field(default_factory=Counter)


def new_connection_id(feed_name: str, now_ns: int) -> str:
    """Make the id of a session that begins now.

    >>> new_connection_id("kraken-v2", 1_617_574_000_123_456_789)[:-4]
    'kraken-v2-20210404T220640.123Z-'
    """
    seconds, rest_ns = divmod(now_ns, 10**9)
    start = datetime.fromtimestamp(seconds, UTC)
    return f"{feed_name[:_LONGEST_NAME]}-{start:%Y%m%dT%H%M%S}.{rest_ns // 10**6:03d}Z-{secrets.token_hex(2)}"


class Session:
    """Asks for a feed over an open connection, and writes down what is said until it ends."""

    def __init__(self, connection: Connection, feed: Feed, sink: Sink, stats: FeedStats, stop: asyncio.Event) -> None:
        self.connection_id = new_connection_id(feed.name, time.time_ns())
        self._connection = connection
        self._feed = feed
        self._sink = sink
        self._stats = stats
        self._stop = stop
        self._full = asyncio.Event()
        self._reason: str | None = None

    async def run(self) -> str:
        """Run until the connection ends, and return why it did; everything that arrived is written."""
        reason = "broken off"  # what the sink hears if anything unexpected happens
        self._sink.open(self.connection_id, self._feed)
        try:
            async with _beside(*self._duties()):
                reason = await self._read()
        finally:
            self._sink.close(self.connection_id, reason)
            await self._connection.drop()
        return reason

    async def _read(self) -> str:
        connection_id, sink, stats, receive = self.connection_id, self._sink, self._stats, self._connection.receive
        try:
            while True:
                frame = await receive()
                sink.write(connection_id, frame)
                stats.frames_in += 1
                stats.bytes_in += _n_bytes(frame.text)
                stats.last_frame_ns = frame.ts_ns
                if sink.full:
                    self._full.set()
        except ConnectionEnded as end:
            if end.farewell:
                _log.warning("%s: the venue said %r", self._feed.name, end.farewell)
            return self._reason or end.reason

    def _duties(self) -> list[Coroutine[Any, Any, None]]:
        feed = self._feed
        duties = [self._ask(), self._watch(), self._end_after(self._stop, STOP), self._end_after(self._full, SINK_FULL)]
        if feed.keepalive is not None:
            duties.append(self._keep_alive(feed.keepalive))
        if feed.ping_every_s is not None:
            duties.append(self._ping(feed.ping_every_s))
        if feed.longest_session_s is not None:
            duties.append(self._limit(feed.longest_session_s))
        return duties

    async def _ask(self) -> None:
        for request in self._feed.requests:
            await self._send(request)
            await asyncio.sleep(1 / self._feed.requests_per_s)

    async def _keep_alive(self, keepalive: Keepalive) -> None:
        while True:
            await asyncio.sleep(keepalive.every_s)
            await self._send(keepalive.text)

    async def _ping(self, every_s: float) -> None:
        """Ping; any frame that follows is as good a sign of life as the pong, which may have to queue behind it."""
        arrivals = -1
        while arrivals != self._connection.arrivals:
            arrivals = self._connection.arrivals
            await self._connection.ping()
            await asyncio.sleep(every_s)
        await self._end(NO_PONG, patience_s=0.0)

    async def _watch(self) -> None:
        """End a connection on which nothing arrived for `silent_after_s` to 1.25 times that."""
        quiet_looks, arrivals = 0, self._connection.arrivals
        while quiet_looks < _LOOKS:
            await asyncio.sleep(self._feed.silent_after_s / _LOOKS)
            quiet_looks = quiet_looks + 1 if arrivals == self._connection.arrivals else 0
            arrivals = self._connection.arrivals
        await self._end(SILENT, patience_s=0.0)

    async def _limit(self, longest_s: float) -> None:
        await asyncio.sleep(longest_s - min(_MARGIN_SHARE * longest_s, _LONGEST_MARGIN_S))
        await self._end(SESSION_LIMIT)

    async def _end_after(self, event: asyncio.Event, reason: str) -> None:
        await event.wait()
        await self._end(reason)

    async def _end(self, reason: str, *, patience_s: float = _GOODBYE_S) -> None:
        """Hang up; reading goes on until the venue has said goodbye too, so that nothing on its way is lost."""
        self._reason = self._reason or reason
        await self._connection.hang_up(patience_s)

    async def _send(self, text: str) -> None:
        ts_ns = time.time_ns()
        if await self._connection.send(text):
            self._sink.write(self.connection_id, Frame(ts_ns, "send", text))
            self._stats.frames_out += 1
            self._stats.bytes_out += _n_bytes(text)


def _n_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


@asynccontextmanager
async def _beside(*duties: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run duties beside the body and end them with it; an error of either ends both and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(duty) for duty in duties]
            yield
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
