"""How many are answered at a time, how much of a body is read, and what is answered instead."""

from __future__ import annotations

import gzip
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from api.problems import Refused
from api.requests import MAX_BODY_BYTES
from api.scoring_pool import Slots
from fingerprint_testing.served_api import ServedApi

Recordings = dict[str, list[dict[str, Any]]]
OK_AGAIN_WITHIN_S = 60


def test_a_caller_gets_half_of_the_slots_and_the_last_one_is_told_to_come_again() -> None:
    slots = Slots(4)
    with slots.take("a"), slots.take("a"):
        with pytest.raises(Refused) as refused, slots.take("a"):
            pass
        assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "1"})
        with slots.take("b"), slots.take("b"):
            assert slots.taken == 4
            with pytest.raises(Refused) as refused, slots.take("c"):
                pass
            assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "1"})
    assert slots.taken == 0


def test_a_slot_is_free_again_after_a_mistake() -> None:
    slots = Slots(2)
    with pytest.raises(ValueError, match="mine"), slots.take("a"):
        raise ValueError("mine")
    with slots.take("a"):
        assert slots.taken == 1


def test_who_asks_too_much_at_a_time_is_told_to_come_again(api: ServedApi, recordings: Recordings) -> None:
    body = json.dumps({"windows": [recordings["kraken-1"][:50]] * 300}).encode()
    with ThreadPoolExecutor(24) as threads:
        answers = list(threads.map(lambda _: api.post_bytes("/v1/windows", body), range(24)))
    refused = [answer for answer in answers if answer.status_code != 200]
    assert {answer.status_code for answer in refused} == {429}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert len(answers) - len(refused) >= 8
    assert api.post_bytes("/v1/windows", body).status_code == 200


def test_health_is_answered_while_much_is_scored(api: ServedApi, recordings: Recordings) -> None:
    windows = [recordings["kraken-1"][:50]] * 900
    with ThreadPoolExecutor(1) as threads:
        scored = threads.submit(api.post, "/v1/windows", {"windows": windows})
        n_answers = 0
        while not scored.done():
            assert api.get("/healthz").status_code == 200
            n_answers += 1
    assert scored.result().status_code == 200
    assert n_answers > 3


def test_a_body_that_is_too_large_is_not_read(api: ServedApi) -> None:
    address = urlsplit(api.url)
    with socket.create_connection((address.hostname or "", address.port or 0), 60) as client:
        client.sendall(
            b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 99999999999\r\n\r\n{"
        )
        assert client.recv(12) == b"HTTP/1.1 413"


def test_nor_is_one_that_does_not_say_how_large_it_is(api: ServedApi) -> None:
    address, n_bytes = urlsplit(api.url), MAX_BODY_BYTES + 1
    with socket.create_connection((address.hostname or "", address.port or 0), 60) as client:
        client.sendall(
            b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % n_bytes
        )
        client.sendall(b" " * n_bytes)  # and no more: who sends into a connection that was closed gets no answer
        with HTTPResponse(client) as response:
            response.begin()
            assert (response.status, response.headers["content-type"]) == (413, "application/problem+json")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity", "zstd"])
def test_a_compressed_body_is_refused(encoding: str, api: ServedApi) -> None:
    body = gzip.compress(b'{"messages": []}')
    response = api.post_bytes("/v1/score", body, content_encoding=encoding)
    assert (response.status_code, response.json()["title"]) == (415, "Unsupported Media Type")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data"])
def test_so_is_what_a_form_of_another_site_may_send(kind: str, api: ServedApi) -> None:
    assert api.post_bytes("/v1/score", b"{}", content_type=kind).status_code == 415


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/score", 405), ("PUT", "/v1/score", 405), ("GET", "/nothing", 404), ("GET", "/v1/../etc/passwd", 404)],
)
def test_another_path_or_method_is_a_problem_too(method: str, path: str, status: int, api: ServedApi) -> None:
    address = urlsplit(api.url)
    with socket.create_connection((address.hostname or "", address.port or 0), 60) as client:
        client.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        head, _, body = b"".join(iter(lambda: client.recv(65536), b"")).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status}".encode())
    assert json.loads(body)["status"] == status


def test_no_other_site_may_read_answers(api: ServedApi) -> None:
    response = api.get("/v1/model", headers={"origin": "https://example.com"})
    assert not [name for name in response.headers if name.lower().startswith("access-control")]
    assert (response.headers["cache-control"], response.headers["x-content-type-options"]) == ("no-store", "nosniff")


def test_nor_make_its_name_ours(api: ServedApi) -> None:
    response = api.get("/v1/model", headers={"host": "rebound.example.com"})
    assert (response.status_code, "machine" in response.json()["detail"]) == (403, True)
    assert api.get("/v1/model", headers={"host": "localhost:1"}).status_code == 200


def test_without_a_database_there_are_no_results(api: ServedApi) -> None:
    for path in ("/v1/connections", "/v1/connections/c", "/v1/alerts"):
        response = api.get(path)
        assert (response.status_code, "without a database" in response.json()["detail"]) == (503, True)
    assert api.get("/readyz").json() == {"status": "ok"}


def test_what_it_does_is_counted_on_another_port(api: ServedApi, recordings: Recordings) -> None:
    def counted() -> tuple[float, float]:
        metrics = api.metrics()
        requests = metrics.get('fingerprint_api_requests_total{path="/v1/score",status="200"}', 0)
        return requests, metrics["fingerprint_api_windows_total"]

    before = counted()
    api.post("/v1/score", {"messages": recordings["kraken-1"][:100]})
    assert counted() == (before[0] + 1, before[1] + 3)
    version = api.get("/v1/model").json()["model_version"]
    assert api.metrics()[f'fingerprint_api_model_info{{model_version="{version}"}}'] == 1
    assert api.get("/metrics").status_code == 404


def test_a_scoring_process_that_dies_is_replaced(api: ServedApi, recordings: Recordings) -> None:
    """The last test of this module: it takes some seconds until another process is there."""
    (scorer,) = api.scorers()
    scorer.kill()
    psutil.wait_procs([scorer], 60)
    give_up_s = time.monotonic() + OK_AGAIN_WITHIN_S
    statuses = []
    while not statuses or (statuses[-1] != 200 and time.monotonic() < give_up_s):
        answer = api.post("/v1/score", {"messages": recordings["kraken-1"][:60]})
        statuses.append(answer.status_code)
        assert answer.status_code == 200 or answer.headers["retry-after"] == "1"
    assert statuses[-1] == 200
    assert set(statuses) <= {200, 503}
    assert api.scorers() != [scorer]
