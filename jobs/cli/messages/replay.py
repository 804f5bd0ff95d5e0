"""`replay`: recordings into Kafka."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ingest.kafka.record_validity import END_NS, START_NS
from ingest.recordings.capture import read_capture
from ingest.recordings.reading import Reading
from jobs.cli import options
from jobs.cli.console import err, warn
from jobs.cli.exit_codes import failed_if
from jobs.cli.messages.publish import publish_with_progress
from jobs.cluster.service_addresses import Addresses
from udfs.errors import SchemaError
from udfs.schema import Session


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
    declared: options.Declared = None,
) -> None:
    """Replay recordings into Kafka; arrival times stay as recorded.

    A recording's connection id is its file name. Replayed twice into one topic, it is one connection that sends
    everything twice: use a --suffix the second time.
    """
    bootstrap = Addresses(home=home, kafka=kafka).require_kafka()
    reading = Reading(warn)
    read = reading.read_each(
        reading.find(captures), lambda parts, tell: read_capture(parts, declared_exchange=declared, tell=tell)
    )
    sessions = [_rename(session, suffix) for _, session in read if _has_times_of_messages(session)]
    if not sessions:
        raise SchemaError("Expected recordings whose ts_ns are from 2000 to 2099, found none: correct them")
    publish_with_progress(sessions, bootstrap, topic, speed=speed)
    raise typer.Exit(failed_if(not reading.is_whole))


def _rename(session: Session, suffix: str) -> Session:
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
