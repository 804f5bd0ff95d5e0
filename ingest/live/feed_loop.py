"""Keep live feeds running: connect, hand frames to the sink, and connect again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from ingest.live.backoff import Backoff
from ingest.live.feed import Feed, Sink
from ingest.live.feed_session import EXPECTED_ENDS, SESSION_LIMIT, SINK_FULL, STOP, FeedStats, Session
from ingest.live.websocket import Client, Connection, Refused
from udfs.errors import ConfigError

_log = logging.getLogger(__name__)

_LOOK_FOR_ROOM_S: Final = 0.05
_SECOND_NS: Final = 10**9
_NO_FAILURES: Final = frozenset({STOP, SESSION_LIMIT, SINK_FULL})


async def watch_feeds(
    feeds: Sequence[Feed],
    sink: Sink,
    *,
    stop: asyncio.Event,
    stats: Mapping[str, FeedStats] | None = None,
    backoff: Backoff | None = None,
) -> None:
    """Hand the frames of live feeds to a sink, a new connection id per session, until told to stop.

    Every frame that was received is written, in the order of its connection, also those that arrive while a session is
    being ended from here: reading goes on until the venue has said goodbye, or for two seconds. A session is ended
    when the sink is full, for in a socket that nobody reads frames would wait and get a false time of arrival; the
    feed connects again when there is room.

    Parameters
    ----------
    feeds : sequence of Feed
        Their names must differ.
    sink : Sink
        Its methods are called from the running event loop. An error that it raises ends all feeds.
    stop : asyncio.Event
        Ends all sessions; it is also set here if this function is cancelled or raises.
    stats : mapping of str to FeedStats, optional
        Where to count, by the name of the feed.
    backoff : Backoff, optional
        How long to wait after failures. Feeds of one host connect `connect_every_s` apart in any case.

    Raises
    ------
    ConfigError
        If two feeds have one name, or the first attempt of a feed is refused for a reason that will not go away.
    """
    _check_names(feeds)
    stats = {feed.name: FeedStats() for feed in feeds} if stats is None else stats
    office = _Office(sink, stop, backoff or Backoff())
    tasks = [asyncio.create_task(_Watch(feed, stats[feed.name], office).run()) for feed in feeds]
    try:
        await _until_first_error(tasks)
    finally:
        stop.set()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ends:
        if error is not None:
            raise error


def _check_names(feeds: Sequence[Feed]) -> None:
    names = [feed.name for feed in feeds]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"Expected every feed to have its own name, found {name!r} twice: leave one out")


async def _until_first_error(tasks: Sequence[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)


class _Office:
    """What all feeds of a run share."""

    def __init__(self, sink: Sink, stop: asyncio.Event, backoff: Backoff) -> None:
        self.sink = sink
        self.stop = stop
        self.backoff = backoff
        self.client = Client()
        self._next_turns_s: dict[str | None, float] = {}

    async def pause(self, wait_s: float) -> None:
        """Wait, but not longer than until told to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self.stop.wait()

    def wait_for_turn_s(self, feed: Feed) -> float:
        """Take a turn to connect to the feed's host, and return how long to wait for it."""
        host, now_s = urlsplit(feed.url).hostname, time.monotonic()
        turn_s = max(self._next_turns_s.get(host, now_s), now_s)
        self._next_turns_s[host] = turn_s + feed.connect_every_s
        return turn_s - now_s

    async def connect(self, url: str) -> Connection | None:
        """Connect; None if told to stop before it was done."""
        connecting = asyncio.create_task(self.client.connect(url))
        stopping = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait((connecting, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            connecting.cancel()  # changes nothing if it is done
        with suppress(asyncio.CancelledError):
            return await connecting
        return None


class _Watch:
    """One feed, session after session."""

    def __init__(self, feed: Feed, stats: FeedStats, office: _Office) -> None:
        self._feed = feed
        self._stats = stats
        self._office = office
        self._failures = 0
        self._wait_s = 0.0
        self._is_first_attempt = True

    async def run(self) -> None:
        try:
            while await self._may_connect():
                await self._attempt()
        finally:
            self._stats.state = "stopped"

    async def _may_connect(self) -> bool:
        """Wait for the back-off, then for room, then for a turn; false once told to stop."""
        await self._office.pause(self._wait_s)
        await self._wait_for_room()
        self._stats.state = "connecting"
        await self._office.pause(self._office.wait_for_turn_s(self._feed))
        return not self._office.stop.is_set()

    async def _wait_for_room(self) -> None:
        if self._office.sink.full:
            self._stats.state = "waiting for room"
            _log.warning("%s: the sink is full, connecting when there is room", self._feed.name)
        while self._office.sink.full and not self._office.stop.is_set():
            await self._office.pause(_LOOK_FOR_ROOM_S)

    async def _attempt(self) -> None:
        try:
            connection = await self._office.connect(self._feed.url)
        except Refused as refused:
            self._take_refusal(refused)
        else:
            if connection is not None:
                await self._hold(connection)
        self._is_first_attempt = False

    def _take_refusal(self, refused: Refused) -> None:
        if refused.permanent and self._is_first_attempt:
            raise ConfigError(str(refused)) from refused
        _log.warning("%s: %s", self._feed.name, refused)
        self._stats.ends[refused.reason] += 1
        self._failures += 1
        self._back_off(refused.retry_after_s)

    async def _hold(self, connection: Connection) -> None:
        stats, name = self._stats, self._feed.name
        session = Session(connection, self._feed, self._office.sink, stats, self._office.stop)
        started_s, n_frames, n_bytes = time.monotonic(), stats.frames_in, stats.bytes_in
        stats.state, stats.connection_id = "live", session.connection_id
        stats.sessions += 1
        _log.info("%s: connected as %s", name, session.connection_id)
        try:
            reason = await session.run()
        finally:
            stats.connection_id = None
        stats.ends[reason] += 1
        lived_s, numbers = time.monotonic() - started_s, (stats.frames_in - n_frames, stats.bytes_in - n_bytes)
        level = logging.INFO if reason in EXPECTED_ENDS else logging.WARNING
        _log.log(level, "%s: %s after %.1f s, %d frames, %d bytes received", name, reason, lived_s, *numbers)
        self._take_end(reason, lived_s)

    def _take_end(self, reason: str, lived_s: float) -> None:
        if lived_s >= self._office.backoff.forgive_after_s:
            self._failures = 0
        if reason in _NO_FAILURES:
            self._wait_s = 0.0
        else:
            self._failures += 1
            self._back_off()

    def _back_off(self, at_least_s: float = 0.0) -> None:
        self._wait_s = at_least_s + self._office.backoff.wait_s(self._failures)
        self._stats.state = "backing off"
        self._stats.next_attempt_ns = time.time_ns() + int(self._wait_s * _SECOND_NS)
        _log.info("%s: next attempt in %.1f s", self._feed.name, self._wait_s)
