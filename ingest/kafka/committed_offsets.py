"""How far the readers of a topic have come, as the offsets say that they committed."""

from __future__ import annotations

from typing import Final

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from ingest.kafka.broker import Broker

_TIMEOUT_S: Final = 5.0


def consumer_lags(bootstrap_servers: str, topic: str) -> list[int]:
    """Return how many records lie between what was committed and the end of the topic.

    Returns
    -------
    list of int
        One number for each partition and consumer group that has committed an offset of the topic.

    Raises
    ------
    ServiceUnavailable
        If Kafka does not answer within 5 s.
    """
    broker = Broker(bootstrap_servers)
    try:
        return _lags(broker, topic)
    except KafkaException as error:
        raise broker.refusal(error.args[0], "a look at consumer groups") from error


def committed_offsets(bootstrap_servers: str, group: str, topic: str) -> dict[int, int]:
    """Return what a consumer group has committed of a topic, by partition; nothing of one that it has not read.

    Raises
    ------
    ServiceUnavailable
        If Kafka does not answer within 5 s.
    ConfigError
        If it does not let us ask.
    """
    broker = Broker(bootstrap_servers)
    admin = AdminClient(broker.settings)
    try:
        partitions = sorted(admin.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions)
        places = _committed(admin, group, topic, partitions)
    except KafkaException as error:
        raise broker.refusal(error.args[0], f"a look at the consumer group {group}") from error
    return {place.partition: place.offset for place in places if place.offset >= 0}


def _lags(broker: Broker, topic: str) -> list[int]:
    admin = AdminClient(broker.settings)
    consumer = Consumer(broker.settings | {"group.id": "fingerprint-lags", "enable.auto.commit": False})
    try:
        partitions = sorted(consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions)
        ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=_TIMEOUT_S) for p in partitions}
        return [
            ends[place.partition][1] - max(place.offset, ends[place.partition][0])
            for group in admin.list_consumer_groups(request_timeout=_TIMEOUT_S).result().valid
            for place in _committed(admin, group.group_id, topic, partitions)
        ]
    finally:
        consumer.close()


def _committed(admin: AdminClient, group: str, topic: str, partitions: list[int]) -> list[TopicPartition]:
    """Return what a group has committed of a topic; nothing if it does not read it."""
    wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, p) for p in partitions])
    (answer,) = admin.list_consumer_group_offsets([wanted], request_timeout=_TIMEOUT_S).values()
    found: list[TopicPartition] = answer.result().topic_partitions
    return found if any(place.offset >= 0 for place in found) else []
