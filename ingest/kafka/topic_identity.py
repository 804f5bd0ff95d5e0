"""Which topic this is: a topic that is made anew has the name of the one before, and other records at its offsets."""

from __future__ import annotations

from dataclasses import dataclass

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from ingest.kafka.broker import ANSWER_TIMEOUT_S, Broker


@dataclass(frozen=True, kw_only=True)
class TopicIdentity:
    """A topic as Kafka tells it from all others.

    Attributes
    ----------
    topic : str
        Its name.
    topic_id, cluster_id : str
        Kafka's id of it, and of its cluster.
    """

    topic: str
    topic_id: str
    cluster_id: str


def read_topic_identity(bootstrap_servers: str, topic: str) -> TopicIdentity:
    """Ask Kafka which topic has a name now.

    Raises
    ------
    ServiceUnavailable
        If Kafka does not answer within `ANSWER_TIMEOUT_S`.
    ConfigError
        If there is no such topic, or it does not let us ask.
    """
    broker = Broker(bootstrap_servers)
    admin = AdminClient(broker.settings)
    if topic not in broker.topics(admin):
        raise broker.no_topic(topic)
    try:
        cluster_id = admin.list_topics(topic, timeout=ANSWER_TIMEOUT_S).cluster_id
        asked = admin.describe_topics(TopicCollection([topic]), request_timeout=ANSWER_TIMEOUT_S)
        found = asked[topic].result()
    except KafkaException as error:
        raise broker.refusal(error.args[0], f"a look at the topic {topic}") from error
    return TopicIdentity(topic=topic, topic_id=str(found.topic_id), cluster_id=str(cluster_id))
