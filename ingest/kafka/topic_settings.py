"""How a topic is set up, as far as the job's safety and its results depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource  # `admin` has it, but not for type checkers

from ingest.kafka.broker import ANSWER_TIMEOUT_S, Broker
from ingest.kafka.record_validity import MAX_KEY_BYTES, MAX_VALUE_BYTES

LARGEST_BATCH_BYTES: Final = 2 * 1024 * 1024
"""About twice Kafka's own limit. What is not compressed is read whole, its headers at forty times their size."""

LARGEST_LETTER_BYTES: Final = MAX_VALUE_BYTES + MAX_KEY_BYTES + 2048
"""What a dead letter may have: value, key, and headers."""


@dataclass(frozen=True, kw_only=True)
class TopicSettings:
    """Settings of a topic.

    Attributes
    ----------
    max_message_bytes : int
        The largest batch of records that the broker takes, as it is sent: compressed, if it is.
    cleanup_policy : str
        What becomes of old records: "delete", "compact", or both.
    """

    max_message_bytes: int
    cleanup_policy: str

    def complaints(self, topic: str) -> Iterator[str]:
        """Say what should be set otherwise."""
        if self.max_message_bytes > LARGEST_BATCH_BYTES:
            yield (
                f"Expected max.message.bytes of {topic} to be at most {LARGEST_BATCH_BYTES:,}, found "
                f"{self.max_message_bytes:,}, and larger batches may fill the job's heap: lower it"
            )
        if "compact" in self.cleanup_policy:
            yield (
                f"Expected cleanup.policy of {topic} to be delete, found {self.cleanup_policy}, which leaves of each "
                "connection only the last message: change it"
            )

    def complaints_of_dead_letters(self, topic: str) -> Iterator[str]:
        """Say what should be set otherwise where dead letters go."""
        if self.max_message_bytes < LARGEST_LETTER_BYTES:
            yield (
                f"Expected max.message.bytes of {topic} to be at least {LARGEST_LETTER_BYTES:,}, found "
                f"{self.max_message_bytes:,}, and larger dead letters go there without their value: raise it"
            )
        if "compact" in self.cleanup_policy:
            yield (
                f"Expected cleanup.policy of {topic} to be delete, found {self.cleanup_policy}, which leaves of each "
                "key only the last dead letter: change it"
            )


def read_topic_settings(bootstrap_servers: str, topic: str) -> TopicSettings | None:
    """Ask the broker; None if there is no such topic.

    Raises
    ------
    ServiceUnavailable
        If Kafka does not answer within `ANSWER_TIMEOUT_S`.
    ConfigError
        If it does not let us ask.
    """
    broker = Broker(bootstrap_servers)
    admin = AdminClient(broker.settings)
    if topic not in broker.topics(admin):
        return None
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    try:
        found = admin.describe_configs([resource], request_timeout=ANSWER_TIMEOUT_S)[resource].result()
    except KafkaException as error:
        raise broker.refusal(error.args[0], f"a look at the settings of {topic}") from error
    return TopicSettings(
        max_message_bytes=int(found["max.message.bytes"].value), cleanup_policy=str(found["cleanup.policy"].value)
    )
