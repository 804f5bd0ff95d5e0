"""Bytewax: its Kafka source, vectorised operators, recovery on; several processes are one cluster.

The state is kept by partition, not by connection, so that Python is called once a batch and not once a message.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from place import KAFKA, N_PROCESSES, PARTITIONS, PORTS, PROCESS, STATE_FOLDER, TOPIC, Table
from scoring import Gatherer, Scorer, Window

AT_ONCE = 10_000
SNAPSHOT_EVERY = timedelta(seconds=5)
"""As often as the job makes a checkpoint."""

NOT_KNOWN = -1
"""The partition: the key has it, which the state is not told."""

INITIALISED = STATE_FOLDER / "initialised"

Record = tuple[int, bytes]


def by_partition(messages: list[KafkaSourceMessage[Any, Any]]) -> list[tuple[str, list[Record]]]:
    """Turn a batch of messages into one item for each partition."""
    batches: dict[str, list[Record]] = {}
    for message in messages:
        batches.setdefault(str(message.partition), []).append((message.offset, message.value))
    return list(batches.items())


class Windows(StatefulBatchLogic):
    """The windows of one partition."""

    def __init__(self, gatherer: Gatherer) -> None:
        self._gatherer = gatherer

    def on_batch(self, values: list[list[Record]]) -> tuple[Iterable[list[Window]], bool]:
        """Gather what has come, and emit the windows that are complete as one item."""
        windows = []
        for records in values:
            for offset, value in records:
                window = self._gatherer.add(value, offset)
                if window is not None:
                    windows.append(window)
        return [windows] if windows else [], False

    def snapshot(self) -> dict[str, bytes]:
        """Copy what is gathered, for it goes on meanwhile."""
        return {name: buffer.tobytes() for name, buffer in self._gatherer.buffers.items()}


def resume(kept: dict[str, bytes] | None) -> Gatherer:
    """Go on with what was kept."""
    gatherer = Gatherer(NOT_KNOWN)
    gatherer.buffers |= {name: array("q", data) for name, data in (kept or {}).items()}
    return gatherer


class Scores(StatelessSinkPartition):
    """Scores and writes what has come together."""

    def __init__(self) -> None:
        self._scorer, self._table = Scorer(), Table()

    def write_batch(self, items: list[tuple[str, list[Window]]]) -> None:
        """Write the windows of several partitions."""
        windows = [window._replace(kafka_partition=int(key)) for key, batch in items for window in batch]
        self._table.write(self._scorer.rows(windows))


class ScoreSink(DynamicSink):
    """One for each worker."""

    def build(self, _step_id: str, _worker_index: int, _worker_count: int) -> Scores:
        """Open it."""
        return Scores()


def build_flow() -> Dataflow:
    """Lay out the flow."""
    flow = Dataflow("peer")
    source = KafkaSource([KAFKA], [TOPIC], batch_size=AT_ONCE, add_config={"fetch.queue.backoff.ms": "5"})
    batches = op.flat_map_batch("by_partition", op.input("read", flow, source), by_partition)
    windows = op.stateful_batch("windows", batches, lambda kept: Windows(resume(kept)))
    op.output("score", windows, ScoreSink())
    return flow


def main() -> None:
    """Run until killed; the first process makes the folder of snapshots."""
    if PROCESS == 0 and not INITIALISED.exists():
        init_db_dir(STATE_FOLDER, PARTITIONS)
        INITIALISED.touch()
    while not INITIALISED.exists():
        time.sleep(0.05)
    cli_main(
        build_flow(),
        process_id=PROCESS if N_PROCESSES > 1 else None,
        addresses=[f"127.0.0.1:{port}" for port in PORTS] if N_PROCESSES > 1 else None,
        epoch_interval=SNAPSHOT_EVERY,
        recovery_config=RecoveryConfig(str(STATE_FOLDER)),
    )


if __name__ == "__main__":
    main()
