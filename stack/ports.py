"""Ports on this machine, and whether a service answers at its address."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import socket
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg2
import requests
from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from psycopg2.extensions import parse_dsn

from stack.flink_tls import ask_flink
from udfs.certificate_errors import certificate_error
from udfs.errors import ConfigError, ServiceUnavailable
from udfs.kafka_properties import (
    CA,
    CERTIFICATE,
    CHECK_HOST,
    KAFKA_PROPERTIES,
    KEY,
    MECHANISM,
    PASSWORD,
    PROTOCOL,
    USER,
    read_kafka_properties,
)

LOCALHOST = "127.0.0.1"
ANSWER_TIMEOUT_S = 5
MS_PER_S = 1000
HTTP_SERVER_ERROR = 500
CLIENT_PORTS: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Where Linux says which ports it gives to clients."""
FIRST_PORT_OF_CLIENTS: Final = 49_152  # elsewhere, by RFC 6335
FIRST_PORT_OF_USERS: Final = 1024
PORTS_TO_CHOOSE_FROM: Final = 8192
_NOT_LET_IN = re.compile("FATAL:(?!.*(starting up|shutting down|too many|in recovery))")
"""What a PostgreSQL that answers says to who may not come in, but not to who comes at a bad time."""


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listens on, and that nobody takes before a server has started there.

    The ports lie below those that the system hands out to clients, and each process of this user is told others.
    """
    while not is_free(port := _next_port()):
        pass
    return port


def _next_port() -> int:
    first = _first_port_of_clients() - PORTS_TO_CHOOSE_FROM
    path = Path(tempfile.gettempdir()) / f"fingerprint-last-port-{os.getuid()}"
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        last = file.read(8)
        number = int(last) + 1 if last.isdecimal() else 0
        file.seek(0)
        file.truncate()
        file.write(str(number % PORTS_TO_CHOOSE_FROM))
    return first + number % PORTS_TO_CHOOSE_FROM


def _first_port_of_clients() -> int:
    try:
        return max(PORTS_TO_CHOOSE_FROM + FIRST_PORT_OF_USERS, int(CLIENT_PORTS.read_text(encoding="ascii").split()[0]))
    except FileNotFoundError:
        return FIRST_PORT_OF_CLIENTS


def check_port_is_free(port: int, purpose: str, option: str) -> None:
    """Raise ConfigError if the port cannot be listened on."""
    try:
        _listen_on(port)
    except OSError as error:
        raise ConfigError(
            f"Expected port {port} to be free for {purpose}, found it taken ({error.strerror}): "
            f"choose another with {option}"
        ) from error


def is_free(port: int) -> bool:
    """Tell whether the port can be listened on."""
    try:
        _listen_on(port)
    except OSError:
        return False
    return True


def port_holder(port: int) -> psutil.Process | None:
    """Return the process that listens on the port, None if there is none or it is another user's."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
                and connection.pid
            ):
                return psutil.Process(connection.pid)
    return None


def _listen_on(port: int) -> None:
    with socket.socket() as probe:
        # A connection that lingers after its server has gone does not keep the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((LOCALHOST, port))


def listens(host: str, port: int) -> bool:
    """Tell whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def without_password(url: str) -> str:
    """Return an address that can be shown: what stands before its last @ is left out, user name and password."""
    scheme, slashes, rest = url.partition("://")
    return f"{scheme}{slashes}{rest.rpartition('@')[2]}" if slashes else url.rpartition("@")[2]


def check_kafka(bootstrap: str) -> None:
    """Raise ServiceUnavailable unless a Kafka broker gives its metadata, ConfigError if the address is none."""
    with _kafka_admin(bootstrap):
        return


def kafka_version(bootstrap: str) -> str:
    """Return the newest Kafka that the broker is known to be as new as, such as ``4.3``; raise as `check_kafka`."""
    with _kafka_admin(bootstrap) as admin:
        broker_id = admin.describe_cluster()["brokers"][0]["broker_id"]
        return ".".join(map(str, admin.get_broker_version_data(broker_id).broker_version))


@contextmanager
def _kafka_admin(bootstrap: str) -> Iterator[Any]:
    # A client that finds no broker keeps its sockets and its thread: look first whether anything is there.
    properties = read_kafka_properties()
    there = [address for address in _host_ports(bootstrap) if listens(*address)]
    if not there:
        raise ServiceUnavailable(f"Expected a Kafka broker at {bootstrap}, found nothing listening: check --kafka")
    if properties.get(PROTOCOL, "").endswith("SSL"):
        _check_tls(there[0], properties)
    # Failed attempts to connect are this function's answer, not news for the log.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    timeout_ms = ANSWER_TIMEOUT_S * MS_PER_S
    options = {"bootstrap_timeout_ms": timeout_ms, "request_timeout_ms": timeout_ms, **_login_to_kafka(properties)}
    try:
        with KafkaAdminClient(bootstrap_servers=bootstrap, **options) as admin:
            yield admin
    except KafkaError as error:
        if MECHANISM in properties:  # of a login that is refused kafka-python only says that it has waited
            raise _not_let_in(bootstrap, "that it takes no login of ours") from error
        raise ServiceUnavailable(
            f"Expected a Kafka broker at {bootstrap}, found something else ({error}): check --kafka"
        ) from error


def _check_tls(address: tuple[str, int], properties: Mapping[str, str]) -> None:
    """Raise ConfigError if the two ends do not believe each other, of which kafka-python only says that it waits."""
    context = ssl.create_default_context(cafile=properties.get(CA))
    context.check_hostname = properties.get(CHECK_HOST) != "none"
    try:
        if KEY in properties:
            context.load_cert_chain(properties[CERTIFICATE], properties[KEY])
        with (
            socket.create_connection(address, timeout=ANSWER_TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=address[0]),
        ):
            return
    except OSError as error:  # ssl.SSLError is one
        raise _not_let_in(":".join(map(str, address)), certificate_error(error) or str(error)) from error


def _not_let_in(bootstrap: str, found: str) -> ConfigError:
    return ConfigError(
        f"Expected Kafka at {bootstrap} to let us in, found {found}: correct the file that {KAFKA_PROPERTIES} names"
    )


def _login_to_kafka(properties: Mapping[str, str]) -> dict[str, Any]:
    """Translate how to log in for kafka-python."""
    names = {
        **{PROTOCOL: "security_protocol", MECHANISM: "sasl_mechanism"},
        **{USER: "sasl_plain_username", PASSWORD: "sasl_plain_password"},
        **{CA: "ssl_cafile", CERTIFICATE: "ssl_certfile", KEY: "ssl_keyfile"},
    }
    found: dict[str, Any] = {names[name]: value for name, value in properties.items() if name in names}
    return found | ({"ssl_check_hostname": properties[CHECK_HOST] == "https"} if CHECK_HOST in properties else {})


def _host_ports(bootstrap: str) -> list[tuple[str, int]]:
    try:
        pairs = [address.strip().rsplit(":", 1) for address in bootstrap.split(",")]
        return [(host.strip("[]"), int(port)) for host, port in pairs]
    except ValueError as error:
        raise ConfigError(f"Expected Kafka's address as host:port, found {bootstrap!r}: check --kafka") from error


def may_pass(error: BaseException) -> bool:
    """Tell whether another attempt of an HTTP request may succeed."""
    if certificate_error(error):
        return False
    if isinstance(error, requests.HTTPError):
        return bool(error.response.status_code >= HTTP_SERVER_ERROR)
    return isinstance(error, (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError))


def check_flink(url: str) -> str:
    """Return a Flink's version; raise ServiceUnavailable if nothing answers, ConfigError if it is no Flink."""
    shown = without_password(url)
    try:
        response = ask_flink("GET", f"{url}/overview", timeout=ANSWER_TIMEOUT_S)
        response.raise_for_status()
        return str(response.json()["flink-version"])
    except (requests.RequestException, KeyError, TypeError) as error:
        if may_pass(error):
            raise ServiceUnavailable(
                f"Expected a Flink JobManager at {shown}, found nothing that answers: start it, or correct --flink"
            ) from error
        raise ConfigError(
            f"Expected a Flink JobManager at {shown}, found something else ({type(error).__name__}): correct --flink"
        ) from error


def check_database(url: str) -> None:
    """Raise ServiceUnavailable unless PostgreSQL answers, ConfigError if it does not let us in; shows no password."""
    password = _parts(url).get("password")
    try:
        _connect(url)
    except psycopg2.Error as error:
        reason = " ".join(str(error).split())
        is_away = isinstance(error, psycopg2.OperationalError) and not _NOT_LET_IN.search(reason)
        kind = ServiceUnavailable if is_away else ConfigError
        raise kind(
            f"Expected PostgreSQL to accept {database_address(url)}, found "
            f"{reason.replace(password, '***') if password else reason}: check DATABASE_URL"
        ) from error


def accepts_connections(url: str) -> bool:
    """Tell whether PostgreSQL lets us in by now."""
    try:
        _connect(url)
    except psycopg2.OperationalError:
        return False
    return True


def _connect(url: str) -> None:
    with closing(psycopg2.connect(url, connect_timeout=ANSWER_TIMEOUT_S, application_name="fingerprint-stack")):
        return


def database_address(url: str) -> str:
    """Return host, port and name of a database, without user and password."""
    parts = _parts(url)
    return f"{parts.get('host', '')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"


def _parts(url: str) -> dict[str, str]:
    """Take a database's address apart as libpq does, whose words of a wrong one quote it."""
    with suppress(psycopg2.ProgrammingError):
        parts: dict[str, str] = parse_dsn(url)
        # What is not encoded in a password may end up there.
        if "://" in url and re.fullmatch("[0-9,]*", parts.get("port", "")) and "@" not in parts.get("host", ""):
            return parts
    raise ConfigError(
        "Expected a database's address like postgresql://user:password@host:port/name, found another form: "
        "check DATABASE_URL"
    )
