"""`publish`: synthetic sessions into Kafka."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from ingest.kafka.broker import ensure_topics
from ingest.kafka.session_publisher import PublishReport
from ingest.kafka.session_publisher import publish as publish_sessions
from jobs.cli import options
from jobs.cli.console import err
from jobs.cli.progress import progress_bar
from jobs.cluster.service_addresses import Addresses
from jobs.config import TOPIC_PARTITIONS
from synthetic.sessions import synthetic_sessions
from udfs.schema import EXCHANGES, Session


def publish(
    home: options.Home,
    kafka: options.Kafka = None,
    topic: options.Topic = options.DEFAULT_TOPIC,
    per_exchange: Annotated[int, typer.Option(min=1, help="Synthetic connections of each exchange.")] = 3,
    duration: Annotated[float, typer.Option(min=1, help="Seconds that each connection lasts.")] = 60,
    seed: Annotated[int | None, typer.Option(help="Draws the same sessions again.", show_default="the clock")] = None,
    fast: Annotated[bool, typer.Option("--fast", help="As fast as possible instead of in real time.")] = False,
) -> None:
    """Publish synthetic connections of Binance, Coinbase and Kraken."""
    bootstrap = Addresses(home=home, kafka=kafka).require_kafka()
    drawn = synthetic_sessions(
        exchanges=EXCHANGES,
        per_exchange=per_exchange,
        seed=time.time_ns() if seed is None else seed,
        start_ns=time.time_ns(),
        duration_s=duration,
    )
    publish_with_progress([labelled.session for labelled in drawn], bootstrap, topic, speed=None if fast else 1.0)


def publish_with_progress(sessions: list[Session], bootstrap: str, topic: str, *, speed: float | None) -> PublishReport:
    """Publish sessions behind a progress bar."""
    ensure_topics(bootstrap, [topic], TOPIC_PARTITIONS)
    with progress_bar() as bar:
        task = bar.add_task(f"Publishing {len(sessions)} connections", total=sum(map(len, sessions)))
        report = publish_sessions(
            sessions,
            bootstrap_servers=bootstrap,
            topic=topic,
            speed=speed,
            progress=lambda done: bar.update(task, completed=done),
            says_ends=True,
        )
    rate = report.messages / max(report.seconds, 1e-9)
    err.print(
        f"{report.messages:,} messages of {report.connections} connections in {report.seconds:.1f} s ({rate:,.0f}/s)"
    )
    return report
