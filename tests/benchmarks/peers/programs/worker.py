"""A worker as public attempts build it: for each window a call over HTTP to a model service, and an INSERT."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Any

import orjson
import psycopg2
import requests
from confluent_kafka import Consumer
from place import DATABASE_URL, GROUP, KAFKA, PORTS, TOPIC
from scoring import COLUMNS

from udfs.schema import WINDOW_SIZE, WINDOW_SLIDE

SESSION_TIMEOUT_MS = 8_000
"""As in `quix_app`."""

INSERT = f"INSERT INTO window_scores ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))})"


def main() -> None:
    """Read until killed."""
    consumer = Consumer(
        {
            "bootstrap.servers": KAFKA,
            "group.id": GROUP,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": SESSION_TIMEOUT_MS,
        }
    )
    consumer.subscribe([TOPIC])
    service, database = requests.Session(), psycopg2.connect(DATABASE_URL)
    last: defaultdict[str, deque[dict[str, Any]]] = defaultdict(lambda: deque(maxlen=WINDOW_SIZE))
    counts: defaultdict[str, int] = defaultdict(int)
    while True:
        record = consumer.poll(1.0)
        if record is None or record.error():
            continue
        message = orjson.loads(record.value())
        connection_id = message["connection_id"]
        last[connection_id].append(message | {"offset": record.offset()})
        counts[connection_id] += 1
        if counts[connection_id] >= WINDOW_SIZE and counts[connection_id] % WINDOW_SLIDE == 0:
            asked = {"kafka_partition": record.partition(), "messages": list(last[connection_id])}
            answer = service.post(f"http://127.0.0.1:{PORTS[0]}/score", json=asked, timeout=30)
            answer.raise_for_status()
            with database, database.cursor() as cursor:
                cursor.execute(INSERT + " ON CONFLICT DO NOTHING", answer.json())


if __name__ == "__main__":
    main()
