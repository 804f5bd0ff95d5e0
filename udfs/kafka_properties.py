"""How to log in to a Kafka that asks who we are: the file that every part of the project reads, each where it runs.

A line is `name=value`, with librdkafka's names; the Java functions read the same file (`KafkaProperties.java`).
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from udfs.errors import ConfigError

KAFKA_PROPERTIES: Final = "FINGERPRINT_KAFKA_PROPERTIES"

PROTOCOL, MECHANISM, USER, PASSWORD = "security.protocol", "sasl.mechanisms", "sasl.username", "sasl.password"
CA, CERTIFICATE, KEY = (f"ssl.{name}.location" for name in ("ca", "certificate", "key"))
CHECK_HOST: Final = "ssl.endpoint.identification.algorithm"

CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    PROTOCOL: ("SSL", "SASL_SSL", "SASL_PLAINTEXT"),
    MECHANISM: ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
    CHECK_HOST: ("https", "none"),
}
FILES: Final = (CA, CERTIFICATE, KEY)
NAMES: Final = (PROTOCOL, MECHANISM, USER, PASSWORD, *FILES, CHECK_HOST)
"""What the file may say."""

_SASL: Final = (MECHANISM, USER, PASSWORD)
_OF_OTHERS: Final = 0o077
_OF_OTHERS_WHERE_ROOT_OWNS: Final = 0o037
"""Kubernetes lets a secret's file be root's, and lets a group read it; libpq goes by this rule for its keys."""

_PKCS8: Final = "-----BEGIN PRIVATE KEY-----"


def read_kafka_properties(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Read the file that the environment names, without which Kafka asks nobody and nothing is encrypted.

    Returns
    -------
    dict of str to str
        Some of `NAMES`, with absolute paths; empty if the environment names no file.

    Raises
    ------
    ConfigError
        If the file cannot be read, others may read it, or it says what not every part of the project goes by. The
        sentence repeats no value that may be a secret.
    """
    named = environ.get(KAFKA_PROPERTIES)
    if not named:
        return {}
    path = Path(named).absolute()
    values = _values(path, _text(path))
    if PROTOCOL not in values:
        raise ConfigError(f"Expected {PROTOCOL} in {path}, found none: add {' or '.join(CHOICES[PROTOCOL])}")
    for name, choices in CHOICES.items():
        if name in values and values[name] not in choices:
            raise ConfigError(
                f"Expected {name} in {path} to be {' or '.join(choices)}, found another value: correct it"
            )
    _check_together(path, values)
    for name in set(FILES) & values.keys():
        values[name] = str(path.parent / values[name])
        _check_pem(path, name, Path(values[name]))
    return values


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            state = os.fstat(file.fileno())
            if state.st_mode & (_OF_OTHERS if state.st_uid else _OF_OTHERS_WHERE_ROOT_OWNS):
                raise ConfigError(
                    f"Expected {path} to be readable by its owner only, found mode {state.st_mode & 0o777:o}: "
                    f"run `chmod 600 {path}`"
                )
            return file.read()
    except OSError as error:
        raise ConfigError(f"Expected {KAFKA_PROPERTIES} to name a file, found {error.strerror}: {path}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"Expected {path} to be text in UTF-8, found other bytes: correct it") from error


def _values(path: Path, text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not name + equals or name.startswith("#"):
            continue
        if not (equals and name and value):
            raise ConfigError(f"Expected name=value in line {number} of {path}, found another form: correct it")
        if name not in NAMES:
            similar = difflib.get_close_matches(name, NAMES, n=1)
            remedy = f"did you mean {similar[0]}?" if similar else f"it may have {', '.join(NAMES)}"
            # A value that was written without its name may be a password.
            shown = name if name.replace(".", "").isalnum() and name.isascii() and "." in name else "another"
            raise ConfigError(f"Expected a setting that every part goes by in {path}, found {shown}: {remedy}")
        if name in values:
            raise ConfigError(f"Expected {name} once in {path}, found it again in line {number}: remove one")
        values[name] = value
    return values


def _check_together(path: Path, values: Mapping[str, str]) -> None:
    """Refuse what would be passed over, and half of a login or of a certificate."""
    protocol = values[PROTOCOL]
    is_sasl, is_tls = protocol.startswith("SASL"), protocol.endswith("SSL")
    for name in values:
        if (name.startswith("sasl.") and not is_sasl) or (name.startswith("ssl.") and not is_tls):
            raise ConfigError(
                f"Expected nothing that {PROTOCOL}={protocol} makes no use of in {path}, found {name}: "
                "remove it, or choose another protocol"
            )
    pair = (CERTIFICATE, KEY) if {CERTIFICATE, KEY} & values.keys() else ()
    for name in (*(_SASL if is_sasl else ()), *pair):
        if name not in values:
            raise ConfigError(f"Expected {name} in {path}, found none beside {protocol}: add it")


def _check_pem(path: Path, name: str, named: Path) -> None:
    try:
        text = named.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ConfigError(
            f"Expected a file in PEM as {name} of {path}, found {error.strerror} at {named}: correct it"
        ) from error
    if name == KEY and _PKCS8 not in text:  # the one form that OpenSSL and Java both read
        raise ConfigError(
            f"Expected a private key as {_PKCS8} in {named}, found none: convert it by `openssl pkcs8 -topk8 -nocrypt`"
        )
    if name != KEY and "-----BEGIN CERTIFICATE-----" not in text:
        raise ConfigError(f"Expected certificates in PEM as {name} of {path}, found none in {named}: correct it")
