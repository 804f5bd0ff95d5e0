"""Quix Streams: its count windows, which collect, and a sink of its kind that scores and writes a batch at each commit.

Several processes share a consumer group.
"""

from __future__ import annotations

from array import array
from typing import Any

import orjson
from place import KAFKA, PROCESS, STATE_FOLDER, TOPIC, Table
from quixstreams import Application, message_context
from quixstreams.sinks import BatchingSink, SinkBatch
from scoring import Scorer, Window, numbers_of

from udfs.schema import WINDOW_SIZE, WINDOW_SLIDE

COMMIT_INTERVAL_S = 0.5
"""Rows are written when offsets are committed: so soon for the sake of latency, where its default is 5 s."""

SESSION_TIMEOUT_MS = 8_000
"""After that a member that was killed is missed: as soon as a TaskManager is here, where Kafka's default is 45 s."""


class ScoreSink(BatchingSink):
    """Scores and writes all windows of a partition since the last commit."""

    def setup(self) -> None:
        """Open it."""
        self._scorer, self._table = Scorer(), Table()

    def write(self, batch: SinkBatch) -> None:
        """Write the windows of one partition."""
        windows = [_window(item.key, batch.partition, item.value["value"]) for item in batch]
        self._table.write(self._scorer.rows(windows))


def _window(key: Any, partition: int, messages: list[list[Any]]) -> Window:
    numbers = array("q")
    for message in messages:
        numbers.extend(message[1:])
    connection_id = key.decode() if isinstance(key, bytes) else key
    return Window(connection_id, partition, messages[-1][0], numbers.tobytes())


def kept_of(value: bytes) -> list[Any]:
    """Take of a message what a window has of it."""
    message = orjson.loads(value)
    return [message["declared_exchange"], *numbers_of(message, message_context().offset)]


def main() -> None:
    """Run until killed."""
    app = Application(
        broker_address=KAFKA,
        consumer_group=f"quix-{TOPIC}",
        auto_offset_reset="earliest",
        commit_interval=COMMIT_INTERVAL_S,
        consumer_extra_config={"session.timeout.ms": SESSION_TIMEOUT_MS, "fetch.queue.backoff.ms": 5},
        state_dir=STATE_FOLDER / str(PROCESS),
        loglevel="WARNING",
    )
    messages = app.dataframe(app.topic(TOPIC, value_deserializer="bytes", key_deserializer="str"))
    windows = messages.apply(kept_of).hopping_count_window(WINDOW_SIZE, WINDOW_SLIDE).collect().final()
    windows.sink(ScoreSink())
    app.run()


if __name__ == "__main__":
    main()
