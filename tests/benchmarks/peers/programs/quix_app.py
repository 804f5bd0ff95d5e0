"""Quix Streams: a stateful function with the last messages of a connection as bytes, and a sink that scores by batch.

Several processes share a consumer group. Its own count windows, which keep every message by itself, are slower.
"""

from __future__ import annotations

from array import array

import orjson
from place import GROUP, KAFKA, PROCESS, STATE_FOLDER, TOPIC, Table
from quixstreams import Application, State, message_context
from quixstreams.sinks import BatchingSink, SinkBatch
from scoring import Scorer, Window, numbers_of

from udfs.schema import WINDOW_SIZE, WINDOW_SLIDE
from udfs.windows import WIRE_LENGTH

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
        self._table.write(self._scorer.rows([Window(item.key, batch.partition, *item.value) for item in batch]))


def window_of(value: bytes, state: State) -> list[tuple[str | None, bytes]]:
    """Keep a message, and return the window that it completes."""
    message = orjson.loads(value)
    messages = array("q", state.get_bytes("messages", b""))
    messages.extend(numbers_of(message, message_context().offset))
    if len(messages) < WIRE_LENGTH:
        state.set_bytes("messages", messages.tobytes())
        return []
    state.set_bytes("messages", messages[WIRE_LENGTH * WINDOW_SLIDE // WINDOW_SIZE :].tobytes())
    return [(message["declared_exchange"], messages.tobytes())]


def main() -> None:
    """Run until killed."""
    app = Application(
        broker_address=KAFKA,
        consumer_group=GROUP,
        auto_offset_reset="earliest",
        commit_interval=COMMIT_INTERVAL_S,
        consumer_extra_config={"session.timeout.ms": SESSION_TIMEOUT_MS, "fetch.queue.backoff.ms": 5},
        state_dir=STATE_FOLDER / str(PROCESS),
        loglevel="WARNING",
    )
    messages = app.dataframe(app.topic(TOPIC, value_deserializer="bytes", key_deserializer="str"))
    messages.apply(window_of, stateful=True, expand=True).sink(ScoreSink())
    app.run()


if __name__ == "__main__":
    main()
