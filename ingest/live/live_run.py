"""Live feeds into Kafka, into captures, or both, until told to stop; nothing that was received is lost on the way."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from ingest.kafka.producer import Producer
from ingest.live.feed import Feed, Sink
from ingest.live.feed_loop import watch_feeds
from ingest.live.feed_session import FeedStats
from ingest.live.sinks import KafkaSink, Tee
from ingest.live.subscription_watch import SubscriptionWatch, WatchSink
from ingest.recordings.recorder import Recorder
from udfs.errors import ServiceUnavailable

_log = logging.getLogger(__name__)

_TICK_S: Final = 0.5


@dataclass(kw_only=True)
class LiveRun:
    """One run of a feed.

    Attributes
    ----------
    feed : Feed
    producer : Producer or None
        Where messages go; None for none.
    recorder : Recorder or None
        Where frames are recorded; None for nowhere.
    require_all : bool
        Whether to end with an error if the venue refuses a request, or serves a symbol nothing.
    stats : FeedStats
        What the feed has done so far.
    """

    feed: Feed
    producer: Producer | None
    recorder: Recorder | None
    require_all: bool = False
    stats: FeedStats = field(default_factory=FeedStats)

    def __post_init__(self) -> None:
        self._watch = SubscriptionWatch(self.feed, require_all=self.require_all)
        self.kafka_sink = None if self.producer is None else KafkaSink(self.producer, self._watch)
        self._asked_to_stop = 0
        self._was_reachable = True

    def run(self, duration_s: float | None, on_tick: Callable[[], None]) -> None:
        """Run until a signal or the end of `duration_s`, then until Kafka has acknowledged everything.

        Raises
        ------
        ConfigError
            If the venue refuses for good, or to serve all where that is required, Kafka or the disk refuses, or the
            user gave up waiting for Kafka.
        """
        asyncio.run(self._run(duration_s, on_tick))

    async def _run(self, duration_s: float | None, on_tick: Callable[[], None]) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ask_to_stop, stop)
        if duration_s is not None:
            loop.call_later(duration_s, stop.set)
        ticking = asyncio.create_task(self._tick(on_tick))
        ticking.add_done_callback(lambda _: stop.set())
        try:
            await watch_feeds([self.feed], self._sink(), stop=stop, stats={self.feed.name: self.stats})
            await self._deliver()
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking

    def _sink(self) -> Sink:
        heard = WatchSink(self._watch) if self.kafka_sink is None else self.kafka_sink
        sinks = [sink for sink in (heard, self.recorder) if sink is not None]
        return sinks[0] if len(sinks) == 1 else Tee(sinks)

    def _ask_to_stop(self, stop: asyncio.Event) -> None:
        self._asked_to_stop += 1
        stop.set()

    async def _tick(self, on_tick: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._watch.look()
            if self.recorder is not None:
                self.recorder.flush()
            if self.producer is not None:
                self.producer.flush(0)  # raises what `send` would
                self._warn(self.producer)
            on_tick()

    def _warn(self, producer: Producer) -> None:
        """Say when Kafka goes away and when it is back."""
        health = producer.health()
        if health.reachable == self._was_reachable:
            return
        self._was_reachable = health.reachable
        if health.reachable:
            _log.info("Kafka answers again; %s messages waited", f"{health.waiting_messages:,}")
            return
        lasts_s = health.buffer_lasts_s
        room = "" if lasts_s is None else f", and at this rate there is room for another {lasts_s:,.0f} s"
        _log.warning(
            "Kafka does not answer: %s messages wait in order%s; then the connection is closed until it answers",
            f"{health.waiting_messages:,}",
            room,
        )

    async def _deliver(self) -> None:
        """Wait until Kafka has everything; asked to stop once more, give up and say what was lost."""
        producer, asked = self.producer, self._asked_to_stop
        if producer is None:
            return
        waiting = producer.flush(_TICK_S)
        if waiting:
            _log.warning("waiting for Kafka to take %s messages; Ctrl-C once more gives them up", f"{waiting:,}")
        while waiting and self._asked_to_stop == asked:
            await asyncio.sleep(0)
            waiting = producer.flush(_TICK_S)
        if waiting:
            raise ServiceUnavailable(
                f"Expected Kafka to take every message before the end, found {waiting:,} given up: "
                "start Kafka before you stop the next time"
            )
