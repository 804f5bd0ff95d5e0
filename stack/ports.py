"""Ports on this machine, and whether a service answers at its address."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg2
import requests
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from stack.java.maven import without_password
from stack.stack_error import StackError

LOCALHOST = "127.0.0.1"
ANSWER_TIMEOUT_S = 5
MS_PER_S = 1000


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        return int(probe.getsockname()[1])


def check_port_is_free(port: int, purpose: str, option: str) -> None:
    """Raise `StackError` if the port cannot be listened on."""
    try:
        _listen_on(port)
    except OSError as error:
        raise StackError(
            f"Expected port {port} to be free for {purpose}, found it taken ({error.strerror}): "
            f"choose another with {option}."
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


def check_kafka(bootstrap: str) -> None:
    """Raise `StackError` unless a Kafka broker gives its metadata."""
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
    if not any(listens(*address) for address in _host_ports(bootstrap)):
        raise StackError(f"Expected a Kafka broker at {bootstrap}, found nothing listening: check --kafka.")
    # Failed attempts to connect are this function's answer, not news for the log.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    timeout_ms = ANSWER_TIMEOUT_S * MS_PER_S
    options = {"bootstrap_timeout_ms": timeout_ms, "request_timeout_ms": timeout_ms}
    try:
        with KafkaAdminClient(bootstrap_servers=bootstrap, **options) as admin:
            yield admin
    except KafkaError as error:
        raise StackError(
            f"Expected a Kafka broker at {bootstrap}, found something else ({error}): check --kafka."
        ) from error


def _host_ports(bootstrap: str) -> list[tuple[str, int]]:
    try:
        pairs = [address.strip().rsplit(":", 1) for address in bootstrap.split(",")]
        return [(host.strip("[]"), int(port)) for host, port in pairs]
    except ValueError as error:
        raise StackError(f"Expected Kafka's address as host:port, found {bootstrap!r}: check --kafka.") from error


def check_flink(url: str) -> str:
    """Return the version of the Flink whose JobManager answers; raise `StackError` if none does."""
    try:
        response = requests.get(f"{url}/overview", timeout=ANSWER_TIMEOUT_S)
        response.raise_for_status()
        return str(response.json()["flink-version"])
    except (requests.RequestException, KeyError) as error:
        raise StackError(
            f"Expected a Flink JobManager at {without_password(url)}, found {_http_cause(error)}: check --flink."
        ) from error


def check_database(url: str) -> None:
    """Raise `StackError` unless PostgreSQL accepts the connection; the password is never shown."""
    password = _password(url)
    try:
        with closing(psycopg2.connect(url, connect_timeout=ANSWER_TIMEOUT_S)):
            return
    except psycopg2.Error as error:
        reason = " ".join(str(error).split())
        raise StackError(
            f"Expected PostgreSQL to accept {database_address(url)}, found: "
            f"{reason.replace(password, '***') if password else reason}; check DATABASE_URL."
        ) from error


def database_address(url: str) -> str:
    """Return host, port and name of a database, without user and password."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"


def _password(url: str) -> str | None:
    """Return the password in a database's address, after checking its form."""
    try:
        parts = urlsplit(url)
        if parts.scheme in ("postgresql", "postgres") and parts.port != 0:
            return parts.password
    except ValueError:
        pass
    raise StackError(
        "Expected a database's address like postgresql://user:password@host:port/name, found another form: "
        "check DATABASE_URL."
    )


def _http_cause(error: Exception) -> str:
    if isinstance(error, requests.ConnectionError):
        return "nothing that answers"
    return f"another service ({type(error).__name__})"
