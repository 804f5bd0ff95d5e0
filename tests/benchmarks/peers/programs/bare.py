"""A bare process: librdkafka in batches, orjson, NumPy, COPY. Of what it has gathered nothing survives a kill.

Each of several processes reads its share of the partitions.
"""

from __future__ import annotations

from confluent_kafka import OFFSET_STORED, Consumer, TopicPartition
from place import GROUP, KAFKA, N_PROCESSES, PARTITIONS, PROCESS, TOPIC, WAIT_S, Table
from scoring import Gatherer, Scorer

AT_ONCE = 10_000


def main() -> None:
    """Read until killed."""
    consumer = Consumer(
        {
            "bootstrap.servers": KAFKA,
            "group.id": GROUP,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,
        }
    )
    gatherers = {number: Gatherer(number) for number in range(PROCESS, PARTITIONS, N_PROCESSES)}
    consumer.assign([TopicPartition(TOPIC, number, OFFSET_STORED) for number in gatherers])
    scorer, table = Scorer(), Table()
    while True:
        windows = []
        for record in consumer.consume(AT_ONCE, WAIT_S):
            if record.error() is not None:  # the topic is new, and its leader not yet known
                continue
            window = gatherers[record.partition()].add(record.value(), record.offset())
            if window is not None:
                windows.append(window)
        if windows:
            table.write(scorer.rows(windows))
            consumer.commit(asynchronous=True)


if __name__ == "__main__":
    main()
