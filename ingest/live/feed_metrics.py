"""What live feeds and the producer count, for Prometheus; read only when it asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingest.kafka.producer import Producer
from ingest.live.feed_session import FeedStats
from ingest.live.sinks import KafkaSink
from udfs.schema import MsgType

_SECOND_NS = 10**9


class LiveCollector(Collector):
    """Reads counters that exist anyway, so that counting costs nothing per frame.

    Parameters
    ----------
    stats : mapping of str to FeedStats
        By the name of the feed.
    producer, sink : Producer and KafkaSink, or None
        None if nothing goes to Kafka.
    """

    def __init__(self, stats: Mapping[str, FeedStats], producer: Producer | None, sink: KafkaSink | None) -> None:
        self._stats = stats
        self._producer = producer
        self._sink = sink

    def collect(self) -> Iterator[Metric]:
        """Yield every metric; Prometheus's client calls this from its own thread."""
        yield from self._feeds()
        if self._sink is not None:
            messages = CounterMetricFamily("fingerprint_ingest_messages", "Messages made", labels=["feed", "msg_type"])
            for feed, counts in self._sink.n_messages.items():
                for msg_type, count in zip(MsgType, counts, strict=True):
                    messages.add_metric([feed, msg_type.name], count)
            yield messages
        if self._producer is not None:
            yield from _kafka(self._producer)

    def _feeds(self) -> Iterator[Metric]:
        by_direction = ["feed", "direction"]
        frames = CounterMetricFamily("fingerprint_ingest_frames", "Frames received and sent", labels=by_direction)
        n_bytes = CounterMetricFamily("fingerprint_ingest_bytes", "Their bytes, uncompressed", labels=by_direction)
        sessions = CounterMetricFamily("fingerprint_ingest_sessions", "Sessions begun", labels=["feed"])
        ends = CounterMetricFamily("fingerprint_ingest_ends", "Ends of sessions", labels=["feed", "reason"])
        live = GaugeMetricFamily("fingerprint_ingest_live", "1 while a session is live", labels=["feed"])
        last = GaugeMetricFamily("fingerprint_ingest_last_frame_timestamp_seconds", "Last arrival", labels=["feed"])
        for feed, stats in self._stats.items():
            frames.add_metric([feed, "recv"], stats.frames_in)
            frames.add_metric([feed, "send"], stats.frames_out)
            n_bytes.add_metric([feed, "recv"], stats.bytes_in)
            n_bytes.add_metric([feed, "send"], stats.bytes_out)
            sessions.add_metric([feed], stats.sessions)
            live.add_metric([feed], stats.state == "live")
            last.add_metric([feed], stats.last_frame_ns / _SECOND_NS)
            for reason, count in dict(stats.ends).items():
                ends.add_metric([feed, reason], count)
        yield from (frames, n_bytes, sessions, ends, live, last)


def _kafka(producer: Producer) -> Iterator[Metric]:
    health = producer.health()
    prefix = "fingerprint_ingest_kafka"
    yield CounterMetricFamily(f"{prefix}_sent", "Messages handed over to the producer", value=health.sent)
    yield CounterMetricFamily(f"{prefix}_acknowledged", "Messages all replicas have", value=health.acknowledged)
    yield GaugeMetricFamily(f"{prefix}_waiting_messages", "Not acknowledged yet", value=health.waiting_messages)
    yield GaugeMetricFamily(f"{prefix}_waiting_bytes", "Bytes of their values", value=health.waiting_bytes)
    yield GaugeMetricFamily(f"{prefix}_oldest_waiting_seconds", "Age of the oldest", value=health.oldest_waiting_s)
    yield GaugeMetricFamily(f"{prefix}_reachable", "1 while Kafka answers", value=health.reachable)
    if health.buffer_lasts_s is not None:
        yield GaugeMetricFamily(f"{prefix}_buffer_lasts_seconds", "Until it is full", value=health.buffer_lasts_s)
