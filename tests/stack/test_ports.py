from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from stack.ports import (
    CLIENT_PORTS,
    check_database,
    check_flink,
    check_kafka,
    check_port_is_free,
    database_address,
    free_port,
    listens,
    without_password,
)
from udfs.errors import ConfigError, ServiceUnavailable


def test_a_listening_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listens("127.0.0.1", port)
        with pytest.raises(ConfigError, match=f"port {port} to be free for tea.*--tea-port"):
            check_port_is_free(port, "tea", "--tea-port")


def test_a_port_that_listens_on_every_address_is_taken() -> None:
    with socket.create_server(("", 0)) as server, pytest.raises(ConfigError):
        check_port_is_free(server.getsockname()[1], "tea", "--tea-port")


def test_a_free_port_is_free() -> None:
    port = free_port()
    assert not listens("127.0.0.1", port)
    check_port_is_free(port, "tea", "--tea-port")


def test_no_client_is_given_a_free_port() -> None:
    """A client that had one by chance kept a server from its start."""
    ports = [free_port() for _ in range(50)]
    assert max(ports) < int(CLIENT_PORTS.read_text(encoding="ascii").split()[0])


def test_two_processes_are_told_different_ports() -> None:
    ask = "from stack.ports import free_port; print(*(free_port() for _ in range(200)))"
    processes = [subprocess.Popen([sys.executable, "-c", ask], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate()[0].split() for process in processes]
    assert [len(ports) for ports in told] == [200, 200]
    assert not set(told[0]) & set(told[1])


def test_an_address_that_is_none_is_no_outage() -> None:
    with pytest.raises(ConfigError, match="JobManager at localhost:1, found something else"):
        check_flink("localhost:1")
    with pytest.raises(ConfigError, match="found another form: check DATABASE_URL"):
        check_database("postgresql://user:sesame@127.0.0.1:1/x?colour=blue")


def test_services_that_are_not_there_are_named() -> None:
    port = free_port()
    with pytest.raises(ServiceUnavailable, match=f"a Kafka broker at 127.0.0.1:{port}, found nothing listening"):
        check_kafka(f"127.0.0.1:{port}")
    with pytest.raises(ServiceUnavailable, match=f"JobManager at http://127.0.0.1:{port}, found nothing that answers"):
        check_flink(f"http://127.0.0.1:{port}")
    with pytest.raises(ServiceUnavailable, match=f"accept 127.0.0.1:{port}/x"):
        check_database(f"postgresql://user:sesame@127.0.0.1:{port}/x")


@pytest.mark.parametrize("bootstrap", ["localhost", "localhost:nine", "127.0.0.1:1,"])
def test_a_malformed_bootstrap_address_is_refused(bootstrap: str) -> None:
    with pytest.raises(ConfigError, match="host:port"):
        check_kafka(bootstrap)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:sesame@127.0.0.1:nine/x",
        "postgresql://user:sesame@[::1/x",
        "postgresql://user:ses/ame@h/x?sesame",
        "postgresql://user:ses@sesame@h/x",
        "postgresql://user:sesame/@h/x",
        "sesame",
    ],
)
def test_a_malformed_database_address_does_not_show_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match="found another form") as caught:
        check_database(url)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "secret", ["", "me@", "me:sesame@", "me:ses/ame@", "me:ses@ame@", "me:ses?ame@", "me:ses#ame@"]
)
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_an_address_is_shown_without_what_may_be_a_password(secret: str, scheme: str) -> None:
    assert without_password(f"{scheme}{secret}flink.example:8081/x") == f"{scheme}flink.example:8081/x"


def test_an_address_is_shown_without_user_and_password() -> None:
    assert database_address("postgresql://user:p%40ss@db.example:5433/prices") == "db.example:5433/prices"
