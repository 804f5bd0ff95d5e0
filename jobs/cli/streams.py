"""`publish` and `replay`: synthetic sessions and recordings into Kafka."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ingest.kafka.broker import ensure_topics
from ingest.kafka.record_validity import END_NS, START_NS
from ingest.kafka.session_publisher import PublishReport
from ingest.kafka.session_publisher import publish as publish_sessions
from ingest.recordings.capture import find_recordings, read_capture
from jobs.cli import options
from jobs.cli.console import err
from jobs.cluster.service_addresses import Addresses
from jobs.config import DEAD_LETTER_TOPIC, TOPIC_PARTITIONS
from synthetic.sessions import synthetic_sessions
from udfs.errors import SchemaError
from udfs.schema import EXCHANGES, Session


def publish(
    home: options.Home,
    kafka: options.Kafka = None,
    topic: options.Topic = options.DEFAULT_TOPIC,
    per_exchange: Annotated[int, typer.Option(min=1, help="Synthetic connections of each exchange.")] = 3,
    duration: Annotated[float, typer.Option(min=1, help="Seconds that each connection lives.")] = 60,
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


def replay(
    captures: Annotated[list[Path], typer.Argument(help="Recordings (.jsonl.gz), or folders of them.", exists=True)],
    home: options.Home,
    kafka: options.Kafka = None,
    topic: options.Topic = options.DEFAULT_TOPIC,
    speed: Annotated[
        float | None,
        typer.Option(min=0.001, help="1 for the recorded pace, 10 for ten times that.", show_default="no waiting"),
    ] = None,
    suffix: Annotated[
        str, typer.Option(help="Appended to the connection ids, to replay a recording again as another connection.")
    ] = "",
) -> None:
    """Replay recordings into Kafka; arrival times stay as recorded.

    A recording's connection id is its file name. Replayed twice into one topic it is one connection that said
    everything twice: give the second time a --suffix.
    """
    bootstrap = Addresses(home=home, kafka=kafka).require_kafka()
    read = [_read(parts, suffix) for parts in find_recordings(captures)]
    sessions = [session for session in read if _has_times_of_messages(session)]
    if not sessions:
        raise SchemaError("Expected recordings whose ts_ns are from 2000 to 2099, found none: correct them")
    publish_with_progress(sessions, bootstrap, topic, speed=speed)


def _read(parts: Sequence[Path], suffix: str) -> Session:
    session = read_capture(parts)
    return replace(session, connection_id=session.connection_id + suffix)


def _has_times_of_messages(session: Session) -> bool:
    """Tell whether no message would be a dead letter for its time; say so if one would."""
    times_ns = session.recv_ts_ns
    wrong = times_ns[(times_ns < START_NS) | (times_ns >= END_NS)]
    if wrong.size:
        err.print(
            f"{session.connection_id} is left out: expected each ts_ns in nanoseconds since 1970, from 2000 to 2099, "
            f"found {wrong[0]} in one of {wrong.size} such frames",
            soft_wrap=True,
        )
    return not wrong.size


def publish_with_progress(sessions: list[Session], bootstrap: str, topic: str, *, speed: float | None) -> PublishReport:
    """Publish sessions behind a progress bar."""
    ensure_topics(bootstrap, [topic, DEAD_LETTER_TOPIC], TOPIC_PARTITIONS)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as bar:
        task = bar.add_task(f"Publishing {len(sessions)} connections", total=sum(map(len, sessions)))
        report = publish_sessions(
            sessions,
            bootstrap_servers=bootstrap,
            topic=topic,
            speed=speed,
            progress=lambda done: bar.update(task, completed=done),
        )
    rate = report.messages / max(report.seconds, 1e-9)
    err.print(
        f"{report.messages:,} messages of {report.connections} connections in {report.seconds:.1f} s ({rate:,.0f}/s)"
    )
    return report
