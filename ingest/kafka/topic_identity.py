"""Which topic this is: a topic that is made anew has the name of the one before, and other records at its offsets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from ingest.kafka.broker import ANSWER_TIMEOUT_S, Broker

_URL_SAFE: Final = str.maketrans("+/", "-_")


@dataclass(frozen=True, kw_only=True)
class TopicIdentity:
    """A topic as Kafka tells it from all others.

    Attributes
    ----------
    topic : str
        Its name.
    topic_id, cluster_id : str
        Kafka's id of it, and of its cluster, as Kafka and its tools write them.
    """

    topic: str
    topic_id: str
    cluster_id: str


def as_kafka_writes(topic_id: str) -> str:
    """Write a topic's id with the letters that Kafka uses; librdkafka has two others, which half of all ids have.

    >>> as_kafka_writes("EjRWeJCrze97+/v7+/v7+w")
    'EjRWeJCrze97-_v7-_v7-w'
    """
    return topic_id.translate(_URL_SAFE)


def read_topic_identity(bootstrap_servers: str, topic: str) -> TopicIdentity:
    """Ask Kafka which topic has a name now; raise as `find_topic_identity`, and ConfigError if none has it."""
    found = find_topic_identity(bootstrap_servers, topic)
    if found is None:
        raise Broker(bootstrap_servers).no_topic(topic)
    return found


def find_topic_identity(bootstrap_servers: str, topic: str) -> TopicIdentity | None:
    """Ask Kafka which topic has a name now, None if none has it.

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
    try:
        cluster_id = admin.list_topics(topic, timeout=ANSWER_TIMEOUT_S).cluster_id
        asked = admin.describe_topics(TopicCollection([topic]), request_timeout=ANSWER_TIMEOUT_S)
        found = asked[topic].result()
    except KafkaException as error:
        raise broker.refusal(error.args[0], f"a look at the topic {topic}") from error
    return TopicIdentity(topic=topic, topic_id=as_kafka_writes(str(found.topic_id)), cluster_id=str(cluster_id))
