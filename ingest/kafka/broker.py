"""Where Kafka is, and what librdkafka complains of, as one sentence."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic  # `admin` has it, but not for type checkers

from udfs.errors import ConfigError, ServiceUnavailable
from udfs.kafka_properties import KAFKA_PROPERTIES, read_kafka_properties

ANSWER_TIMEOUT_S: Final = 10.0

_ADDRESSES: Final = re.compile(r"[^\s,]+:[0-9]{1,5}(,[^\s,]+:[0-9]{1,5})*")
_HIGHEST_PORT: Final = 65_535
_REQUEST_TIMEOUT_MS: Final = 15_000
_RECONNECT_MS: Final = 1_000
"""A restarted broker is back after a few seconds; the client's own back-off grows to 10."""

_LOOK_AGAIN_S: Final = 0.05
_LONGEST_CAUSE: Final = 160
_LONGEST_REFUSAL: Final = 240
_NO_ANSWER: Final = (KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._MSG_TIMED_OUT)
_NOT_LET_IN: Final = (KafkaError._AUTHENTICATION, KafkaError._SSL)
_TLS: Final = "SSL routines"
"""By TLS 1.3 a broker refuses our certificate when the connection is there already, and librdkafka loses it."""

_BROKER_IN_FRONT: Final = re.compile(r"^\S+://\S+: ")

_librdkafka_log = logging.getLogger(f"{__name__}.librdkafka")
_librdkafka_log.setLevel(logging.CRITICAL)  # its every failed attempt; what matters is in our sentence


class Broker:
    """A Kafka cluster as its clients see it: their common settings, and the errors that they raise.

    Parameters
    ----------
    bootstrap_servers : str
        "host:port[,host:port]".

    Raises
    ------
    ConfigError
        If that is no such address, or `read_kafka_properties` refuses what says how to log in.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        _check_addresses(bootstrap_servers)
        self._security = read_kafka_properties()
        self._bootstrap_servers = bootstrap_servers
        self._complaint: KafkaError | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Settings for any client of this cluster."""
        return {
            **self._security,
            "bootstrap.servers": self._bootstrap_servers,
            "socket.timeout.ms": _REQUEST_TIMEOUT_MS,
            "reconnect.backoff.max.ms": _RECONNECT_MS,
            "error_cb": self._note,
            "logger": _librdkafka_log,
        }

    def topics(self, client: Producer | AdminClient) -> set[str]:
        """Return the topics that are there.

        Raises
        ------
        ServiceUnavailable
            If Kafka does not answer within `ANSWER_TIMEOUT_S`.
        ConfigError
            If it does not let us ask.
        """
        try:
            return set(client.list_topics(timeout=ANSWER_TIMEOUT_S).topics)
        except KafkaException as error:
            client.poll(0)  # hands over what it complained of
            raise self.refusal(error.args[0], "a connection") from error

    def refusal(self, error: KafkaError, wanted: str) -> ConfigError | ServiceUnavailable:
        """Make one sentence of an error of librdkafka, here and nowhere else.

        What librdkafka would try again, and no answer, is a Kafka that is away; all else is a mistake.
        """
        if error.code() not in _NO_ANSWER:
            kind = ServiceUnavailable if error.retriable() else ConfigError
            return kind(
                f"Expected Kafka at {self._bootstrap_servers} to accept {wanted}, found "
                f"{error.str()[:_LONGEST_CAUSE]}: check the topic and what you may do with it"
            )
        cause = error if self._complaint is None else self._complaint
        if cause.code() in _NOT_LET_IN or _TLS in cause.str():
            found = " ".join(_BROKER_IN_FRONT.sub("", cause.str()).split())
            return ConfigError(
                f"Expected Kafka at {self._bootstrap_servers} to let us in, found {found[:_LONGEST_REFUSAL]}: "
                f"correct the file that {KAFKA_PROPERTIES} names"
            )
        return ServiceUnavailable(
            f"Expected Kafka at {self._bootstrap_servers} to answer, found {cause.str()[:_LONGEST_CAUSE]}: "
            "check the address and that the broker runs"
        )

    def no_topic(self, topic: str) -> ConfigError:
        """Say that a topic is not there."""
        return ConfigError(
            f"Expected the topic {topic} on Kafka at {self._bootstrap_servers}, found no such topic: create it"
        )

    def _note(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # which only counts those that complained before
            self._complaint = error


def ensure_topics(bootstrap_servers: str, names: Sequence[str], partitions: int) -> None:
    """Create the topics that are not there yet, and wait until clients see them; the others keep their partitions.

    Raises
    ------
    ServiceUnavailable
        If Kafka does not answer within `ANSWER_TIMEOUT_S`.
    ConfigError
        If it refuses.
    """
    broker = Broker(bootstrap_servers)
    admin = AdminClient(broker.settings)
    missing = set(names) - broker.topics(admin)
    for name in sorted(missing):
        made = admin.create_topics([NewTopic(name, partitions)], request_timeout=ANSWER_TIMEOUT_S)[name]
        try:
            made.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # somebody else was faster
                raise broker.refusal(error.args[0], f"the new topic {name}") from error
    end_s = time.monotonic() + ANSWER_TIMEOUT_S
    while not missing <= broker.topics(admin) and time.monotonic() < end_s:  # a broker hears of a new topic later
        time.sleep(_LOOK_AGAIN_S)


def delete_topics(bootstrap_servers: str, names: Sequence[str]) -> None:
    """Delete the topics that are there; one that is not, or that Kafka does not give up, is passed over."""
    admin = AdminClient(Broker(bootstrap_servers).settings)  # without a name it would be gone before its answer
    for deleted in admin.delete_topics(list(names)).values():
        deleted.exception()


def delete_records_up_to(bootstrap_servers: str, topic: str, partition: int, offset: int) -> None:
    """Let Kafka delete a partition's records up to and with an offset, for every reader and for good.

    Raises
    ------
    ServiceUnavailable
        If Kafka does not answer within `ANSWER_TIMEOUT_S`.
    ConfigError
        If it refuses.
    """
    broker = Broker(bootstrap_servers)
    admin, place = AdminClient(broker.settings), TopicPartition(topic, partition, offset + 1)
    try:
        admin.delete_records([place], request_timeout=ANSWER_TIMEOUT_S)[place].result()
    except KafkaException as error:
        raise broker.refusal(error.args[0], f"that records of {topic} are deleted") from error


def _check_addresses(bootstrap_servers: str) -> None:
    if _ADDRESSES.fullmatch(bootstrap_servers):
        ports = [int(address.rpartition(":")[2]) for address in bootstrap_servers.split(",")]
        if max(ports) <= _HIGHEST_PORT:
            return
    raise ConfigError(f"Expected Kafka's address as host:port[,host:port], found {bootstrap_servers!r}: correct it")
