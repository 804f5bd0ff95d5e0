"""Where live frames go: into Kafka as messages, and to several places at once."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.frame import Frame
from ingest.kafka.message_json import encode_one
from ingest.kafka.producer import Producer
from ingest.live.feed import Feed, Sink
from ingest.live.feed_session import EXPECTED_ENDS
from ingest.live.subscription_watch import SubscriptionWatch
from ingest.mapping.frame_mapper import FrameMapper
from udfs.schema import MsgType


class KafkaSink:
    """Maps each frame to a message and hands it to the producer, keyed by connection.

    Parameters
    ----------
    producer : Producer
        Waits as long as it takes while Kafka is away; its room is what makes this sink `full`.
    watch : SubscriptionWatch
        Hears of every frame, too.

    Attributes
    ----------
    n_messages : dict
        Feed name to the number of its messages by `MsgType` code.
    """

    def __init__(self, producer: Producer, watch: SubscriptionWatch) -> None:
        self._producer = producer
        self._watch = watch
        self._connections: dict[str, tuple[bytes, str | None, list[int], FrameMapper]] = {}
        self.n_messages: dict[str, list[int]] = {}

    def open(self, connection_id: str, feed: Feed) -> None:
        """Take note of what the connection's messages will declare."""
        self._watch.open()
        counts = self.n_messages.setdefault(feed.name, [0] * len(MsgType))
        self._connections[connection_id] = (
            *(connection_id.encode(), feed.declared_exchange, counts),
            FrameMapper(connection_id),
        )

    def write(self, connection_id: str, frame: Frame) -> None:
        """Send the frame's message."""
        key, declared_exchange, counts, mapper = self._connections[connection_id]
        message = mapper.to_message(frame)
        counts[message.msg_type] += 1
        self._watch.take(frame, message)
        self._producer.send(key, encode_one(message, connection_id, declared_exchange))

    def close(self, connection_id: str, reason: str) -> None:
        """Forget the connection, and say so if its end was meant; one that was lost is missed by whoever watches."""
        key, *_ = self._connections.pop(connection_id)
        if reason in EXPECTED_ENDS:
            self._producer.say_end(key)

    @property
    def full(self) -> bool:
        """Whether the producer's room is used up."""
        return self._producer.full


class Tee:
    """Hands everything to several sinks; full as soon as one of them is."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks

    def open(self, connection_id: str, feed: Feed) -> None:
        """Tell each."""
        for sink in self._sinks:
            sink.open(connection_id, feed)

    def write(self, connection_id: str, frame: Frame) -> None:
        """Hand the frame to each."""
        for sink in self._sinks:
            sink.write(connection_id, frame)

    def close(self, connection_id: str, reason: str) -> None:
        """Tell each."""
        for sink in self._sinks:
            sink.close(connection_id, reason)

    @property
    def full(self) -> bool:
        """Whether one of them is."""
        return any(sink.full for sink in self._sinks)
