"""Whether Kafka asks who writes to its topics."""

from __future__ import annotations

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource  # `admin` has it, but not for type checkers

from ingest.kafka.broker import ANSWER_TIMEOUT_S, Broker

_AUTHORIZER = "authorizer.class.name"


def asks_who_writes(bootstrap_servers: str) -> bool | None:
    """Ask a broker whether it has an authorizer; None if it does not tell us.

    Raises
    ------
    ServiceUnavailable
        If Kafka does not answer within `ANSWER_TIMEOUT_S`.
    """
    broker = Broker(bootstrap_servers)
    admin = AdminClient(broker.settings)
    broker.topics(admin)
    brokers = admin.list_topics(timeout=ANSWER_TIMEOUT_S).brokers
    resource = ConfigResource(ConfigResource.Type.BROKER, str(min(brokers)))
    try:
        found = admin.describe_configs([resource], request_timeout=ANSWER_TIMEOUT_S)[resource].result()
    except KafkaException:
        return None
    return bool(found[_AUTHORIZER].value) if _AUTHORIZER in found else None
