"""Every SQL panel of every dashboard on what a real run of the job has written."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer

from fingerprint_testing import panel_shapes
from fingerprint_testing.macro_expansion import Span, expand
from fingerprint_testing.paths import GRAFANA
from ingest.kafka.broker import ensure_topics
from ingest.kafka.session_publisher import publish
from jobs.config import DEAD_LETTER_TOPIC
from jobs.results.migrations import migrate
from model.registry.database import connect
from stack.stack_status import StackStatus
from udfs.schema import MISSING, Session

Json = dict[str, Any]

TOPIC = "dashboard_messages"


def ended_now(session: Session) -> Session:
    """Move a session in time so that its last message was received just now."""
    later = time.time_ns() - int(session.recv_ts_ns.max())
    known = session.exchange_ts_ns != MISSING
    return replace(
        session,
        recv_ts_ns=session.recv_ts_ns + later,
        exchange_ts_ns=np.where(known, session.exchange_ts_ns + later, MISSING),
    )


@pytest.fixture(scope="module")
def written(
    local_stack: StackStatus,
    drawn_sessions: list[Session],
    sick_sessions: list[Session],
    run_to_the_end: Callable[[str, str], None],
    database_url: str,
) -> str:
    """Let the job read connections of all sorts and some rubbish; return the database's address."""
    ensure_topics(local_stack.kafka, [TOPIC, DEAD_LETTER_TOPIC], 4)
    sessions = [ended_now(session) for session in (*drawn_sessions, *sick_sessions[:3], sick_sessions[-1])]
    publish(sessions, bootstrap_servers=local_stack.kafka, topic=TOPIC)
    producer = Producer({"bootstrap.servers": local_stack.kafka})
    for value in (b"no json", b"[]") * 10:
        producer.produce(TOPIC, key=b"c", value=value)
    assert producer.flush(30) == 0
    migrate(database_url)
    run_to_the_end(TOPIC, database_url)
    return database_url


def connections(database_url: str) -> list[str]:
    with connect(database_url) as database, database.cursor() as cursor:
        cursor.execute("SELECT connection_id FROM connection_status ORDER BY mismatch DESC, connection_id")
        return [connection for (connection,) in cursor.fetchall()]


def answers(database_url: str, panel: Json, variables: Sequence[Json]) -> list[Any]:
    """Ask a panel's queries for one connection after the other until all have rows."""
    span = Span(start=datetime.now(UTC) - timedelta(hours=6), end=datetime.now(UTC), interval_s=10)
    of_connections = any(variable["name"] == "connection" for variable in variables)
    found: list[Any] = []
    with connect(database_url) as database, database.cursor() as cursor:
        for connection in connections(database_url) if of_connections else [""]:
            found = []
            for target in panel["targets"]:
                cursor.execute(expand(target["rawSql"], variables, {"connection": connection}, span))
                columns = [(column.name, column.type_code) for column in cursor.description or ()]
                found.append(panel_shapes.Result(columns, cursor.fetchall()))
            if all(result.rows for result in found):
                break
    return found


@pytest.mark.parametrize("path", sorted((GRAFANA / "dashboards").glob("*.json")), ids=lambda path: path.stem)
def test_every_panel_shows_the_run(written: str, path: Path) -> None:
    dashboard = json.loads(path.read_text())
    variables = dashboard["templating"]["list"]
    complaints = []
    for panel in dashboard["panels"]:
        if any("rawSql" not in target for target in panel.get("targets", ({},))):
            continue
        results = answers(written, panel, variables)
        for target, result in zip(panel["targets"], results, strict=True):
            said = list(panel_shapes.complaints(panel, target, result))
            if not result.rows:
                said.append("no rows")
            complaints += [f"{panel['title']}: {complaint}" for complaint in said]
    assert complaints == []
