"""With a job running, nothing of the stack listens beyond loopback, gives a file away or obeys a web page."""

from __future__ import annotations

import ipaddress
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import grpc
import psutil
import pytest
import requests

from jobs.cluster.flink_client import check_job
from jobs.cluster.submission import Submission
from jobs.results.migrations import migrate
from jobs.trials.sandbox import addresses_of, cancel_job
from stack.control import status
from stack.processes import find_process, marked_processes
from stack.stack_status import StackStatus

TOPIC = "ports_messages"
GET_ARTIFACT = "/org.apache.beam.model.job_management.v1.ArtifactRetrievalService/GetArtifact"
FOREIGN = {"Origin": "http://site.example.com"}
NOT_LISTENED_ON = "127.0.0.2"
"""An address of the machine, which a port has that is open on every address, and which is none of the stack's own."""


@pytest.fixture(scope="module")
def job_id(local_stack: StackStatus, database_url: str, wait_until: Callable[..., None]) -> Iterator[str]:
    """Run a job, whose Python workers have started."""
    migrate(database_url)
    job_id = Submission(addresses=addresses_of(local_stack, database_url), topic=TOPIC).run(lambda _: None)
    try:
        wait_until(lambda: check_job(local_stack.flink_url).job_id == job_id, what="the job's tasks")
        yield job_id
    finally:
        cancel_job(local_stack, job_id)


def processes_of(stack: StackStatus) -> list[psutil.Process]:
    parts = [find_process(part.pid, part.created_at_s) for part in status(stack.home).parts]
    first = {*marked_processes(stack.home), *(process for process in parts if process is not None)}
    return list({one for process in first for one in (process, *process.children(recursive=True))})


def listeners(stack: StackStatus) -> list[tuple[str, str, int]]:
    """Return what listens: the program, the address and the port."""
    found = []
    for process in processes_of(stack):
        with suppress(psutil.NoSuchProcess):
            found += [
                (process.name(), connection.laddr.ip, connection.laddr.port)
                for connection in process.net_connections("inet")
                if not connection.raddr and connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE)
            ]
    return found


def is_loopback(ip: str) -> bool:
    address = ipaddress.ip_address(ip)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def taskmanager_ports(stack: StackStatus) -> list[int]:
    pid = status(stack.home).part("taskmanager").pid  # the supervisor may have started it again
    return [one.laddr.port for one in psutil.Process(pid).net_connections("tcp") if one.status == psutil.CONN_LISTEN]


def request_for(path: Path) -> bytes:
    """Write Beam's request for a file; its own module warns when it is imported."""
    payload = field(1, str(path).encode())
    return field(1, field(1, b"beam:artifact:type:file:v1") + field(2, payload))


def field(number: int, content: bytes) -> bytes:
    """Write one field of a protobuf message, of less than 16 KiB."""
    low, high = len(content) & 0x7F, len(content) >> 7
    return bytes([number << 3 | 2, *([low | 0x80, high] if high else [low])]) + content


@pytest.mark.usefixtures("job_id")
def test_nothing_listens_beyond_loopback(local_stack: StackStatus) -> None:
    found = listeners(local_stack)
    assert {"java", "postgres"} <= {name for name, _, _ in found}
    # Flink's own are three; Beam opens six for the Python functions.
    assert len(taskmanager_ports(local_stack)) >= 9
    assert [one for one in found if not is_loopback(one[1])] == []


@pytest.mark.usefixtures("job_id")
def test_no_port_answers_at_another_address_of_the_machine(local_stack: StackStatus) -> None:
    for _, _, port in listeners(local_stack):
        with socket.socket() as client:
            assert client.connect_ex((NOT_LISTENED_ON, port)) != 0, port


@pytest.mark.usefixtures("job_id")
def test_beam_gives_no_file_away(local_stack: StackStatus, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
        file.write("hunter2")
    said, channels = [], [grpc.insecure_channel(f"127.0.0.1:{port}") for port in taskmanager_ports(local_stack)]
    # All at once: Flink's own ports never answer.
    answers, end_s = [grpc.channel_ready_future(channel) for channel in channels], time.monotonic() + 10
    for channel, answer in zip(channels, answers, strict=True):
        with channel, suppress(grpc.FutureTimeoutError):
            answer.result(timeout=max(end_s - time.monotonic(), 0.1))
            with pytest.raises(grpc.RpcError) as refused:
                list(channel.unary_stream(GET_ARTIFACT)(request_for(secret), timeout=60))
            assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
            said.append(refused.value.details())
    # The service is there, for Beam wants one, but has nothing to give; the other ports do not know it.
    assert sum("is unimplemented" in details for details in said) == 1


def test_a_web_page_of_another_site_is_refused(local_stack: StackStatus, job_id: str) -> None:
    flink = local_stack.flink_url
    attempts = [
        requests.get(f"{flink}/overview", headers=FOREIGN, timeout=60),
        requests.post(f"{flink}/jobs", headers=FOREIGN, files={"request": b"{}"}, timeout=60),
        requests.post(f"{flink}/jars/upload", headers=FOREIGN, files={"jarfile": b"x"}, timeout=60),
        requests.post(f"{flink}/jobs/{job_id}/stop", headers=FOREIGN, data="{}", timeout=60),
        requests.patch(f"{flink}/jobs/{job_id}?mode=cancel", headers=FOREIGN, timeout=60),
        requests.get(f"{flink}/jobs/{job_id}/yarn-cancel", headers={"Sec-Fetch-Site": "cross-site"}, timeout=60),
        requests.get(f"{flink}/jobs/{job_id}/yarn-cancel", timeout=60),
        requests.get(f"{flink}/overview", headers={"Host": "rebound.example.com"}, timeout=60),
    ]
    assert [answer.status_code for answer in attempts] == [403] * len(attempts)
    assert all("Access-Control-Allow-Origin" not in answer.headers for answer in attempts)
    assert check_job(flink).job_id == job_id


def test_nobody_uploads_a_jar(local_stack: StackStatus) -> None:
    flink = local_stack.flink_url
    answer = requests.post(f"{flink}/jars/upload", files={"jarfile": ("x.jar", b"x")}, timeout=60)
    assert answer.status_code == 404 or "not allowed" in answer.text
    features = requests.get(f"{flink}/config", timeout=60).json()["features"]
    assert (features["web-submit"], features["web-cancel"]) == (False, False)


def test_flinks_own_page_is_served(local_stack: StackStatus) -> None:
    flink = local_stack.flink_url
    same_origin = {"Origin": flink, "Sec-Fetch-Site": "same-origin"}
    answer = requests.get(f"{flink}/overview", headers=same_origin, timeout=60)
    assert answer.ok
    assert answer.headers["Access-Control-Allow-Origin"] == "https://none.invalid"
    assert requests.get(flink, timeout=60).ok
