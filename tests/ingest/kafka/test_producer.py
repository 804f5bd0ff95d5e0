"""A broker that is not there is one sentence, and nothing else on standard error."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from ingest.kafka.backlog import Capacity
from ingest.kafka.broker import ensure_topics
from ingest.kafka.producer import Producer
from stack.ports import free_port
from udfs.errors import ServiceUnavailable


@pytest.fixture
def nobody() -> str:
    """Return an address where nobody listens."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def silent_listener() -> Iterator[str]:
    """Return the address of a server that is no Kafka: it hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        done = threading.Event()

        def hang_up() -> None:
            while not done.is_set():
                try:
                    server.accept()[0].close()
                except TimeoutError:
                    continue

        thread = threading.Thread(target=hang_up)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        done.set()
        thread.join()


@pytest.mark.parametrize(("who", "found"), [("nobody", "Connection refused"), ("silent_listener", "transport failure")])
def test_a_broker_that_is_not_there_is_one_sentence(
    who: str,
    found: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("ingest.kafka.broker.ANSWER_TIMEOUT_S", 2.0)
    address = request.getfixturevalue(who)
    sentence = f"^Expected Kafka at {address} to answer, found .*{found}.*: check the address and that the broker"
    with pytest.raises(ServiceUnavailable, match=sentence):
        ensure_topics(address, ["t"], 1)
    producer = Producer(address, "t", capacity=Capacity(messages=10, value_bytes=1_000))
    with pytest.raises(ServiceUnavailable, match=sentence):
        producer.__enter__()
    assert capfd.readouterr() == ("", "")
