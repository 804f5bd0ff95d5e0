"""How the job's clients of Kafka log in, in Java's words; a secret is a place that is filled in where they run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from udfs.kafka_properties import CA, CERTIFICATE, CHECK_HOST, KEY, MECHANISM, PROTOCOL

_PROVIDER: Final = "fingerprint"
_FILLED_IN: Final = {
    MECHANISM: ("login", "sasl.jaas.config"),
    CA: ("ca", "ssl.truststore.certificates"),
    CERTIFICATE: ("certificate", "ssl.keystore.certificate.chain"),
    KEY: ("key", "ssl.keystore.key"),
}
"""What `KafkaProperties.java` calls it, and the setting that it is for."""


def java_security(properties: Mapping[str, str]) -> dict[str, str]:
    """Translate what `read_kafka_properties` has read for the plan of a job, which is kept in files and shown.

    Returns
    -------
    dict of str to str
        Settings of Java's clients; of user, password and files only which of them are to be read where the job runs.
    """
    if not properties:
        return {}
    found = {
        "config.providers": _PROVIDER,
        f"config.providers.{_PROVIDER}.class": "exchangefingerprint.flink.kafka.KafkaProperties",
        PROTOCOL: properties[PROTOCOL],
    }
    if MECHANISM in properties:
        found["sasl.mechanism"] = properties[MECHANISM]
    if CA in properties:
        found["ssl.truststore.type"] = "PEM"
    if KEY in properties:
        found["ssl.keystore.type"] = "PEM"
    if CHECK_HOST in properties:
        found[CHECK_HOST] = properties[CHECK_HOST].replace("none", "")
    for name, (word, setting) in _FILLED_IN.items():
        if name in properties:
            found[setting] = f"${{{_PROVIDER}:{word}}}"
    return found
