"""`ingest`: a live venue into Kafka."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import typer

from ingest.kafka.backlog import Capacity
from ingest.kafka.broker import ensure_topics
from ingest.kafka.producer import Producer
from ingest.live.feed import Feed
from ingest.live.live_run import LiveRun
from ingest.recordings.recorder import DEFAULT_ROTATE_MB, Recorder
from jobs.cli import options
from jobs.cli.feed_options import (
    DEFAULT_METRICS_ADDRESS,
    Duration,
    MetricsAddress,
    MetricsPort,
    RequireAll,
    RotateMb,
    asks_for_feed,
)
from jobs.cli.live_display import show_run
from jobs.cluster.service_addresses import Addresses
from jobs.config import TOPIC_PARTITIONS

_ROOM: Final = Capacity(messages=500_000, value_bytes=128 * 1024 * 1024)
"""Some minutes of the busiest feed; a quarter of a gigabyte when it is used up."""


@asks_for_feed
def ingest(
    feed: Feed,
    home: options.Home,
    kafka: options.Kafka = None,
    topic: options.Topic = options.DEFAULT_TOPIC,
    record_to: Annotated[
        Path | None, typer.Option("--record", metavar="DIR", help="Record the frames here, too.")
    ] = None,
    rotate_mb: RotateMb = DEFAULT_ROTATE_MB,
    duration: Duration = None,
    require_all: RequireAll = False,
    metrics_port: MetricsPort = None,
    metrics_address: MetricsAddress = DEFAULT_METRICS_ADDRESS,
) -> None:
    """Watch a live exchange: its public market data, as messages into Kafka.

    Connects again after every end, with a new connection id. While Kafka is away messages wait, in order.
    """
    bootstrap = Addresses(home=home, kafka=kafka).require_kafka()
    ensure_topics(bootstrap, [topic], TOPIC_PARTITIONS)
    with ExitStack() as stack:
        recorder = None if record_to is None else stack.enter_context(Recorder(record_to, rotate_mb=rotate_mb))
        producer = stack.enter_context(Producer(bootstrap, topic, capacity=_ROOM))
        run = LiveRun(feed=feed, producer=producer, recorder=recorder, require_all=require_all)
        show_run(run, duration, metrics_port, metrics_address)
