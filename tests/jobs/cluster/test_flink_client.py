from __future__ import annotations

import os
import subprocess

import pytest

from fingerprint_testing.http_answers import answering
from jobs.cluster.flink_client import (
    _last_cause,
    _reason,
    check_job,
    flink_run,
    flink_run_command,
    list_jobs,
    stop_with_savepoint,
)
from stack.ports import free_port
from udfs.errors import ConfigError, PipelineError, ServiceUnavailable

TRACE = """java.util.concurrent.CompletionException: what wraps it
\tat org.apache.flink.Some.method(Some.java:1)
Caused by: java.io.IOException: outer
\tat org.apache.flink.Some.method(Some.java:1)
Caused by: java.io.FileNotFoundException: no such savepoint
\t... 5 more
"""


def test_the_innermost_cause_of_a_java_exception_is_the_one_to_tell() -> None:
    assert _last_cause(TRACE) == "java.io.FileNotFoundException: no such savepoint"
    assert _last_cause("Job is not running.") == "Job is not running."
    assert _last_cause("") == "no reason given"


def test_that_our_own_program_ended_is_no_cause() -> None:
    ended = "Caused by: java.lang.RuntimeException: Python process exits with code: 1\n\t... 15 more\n"
    done = subprocess.CompletedProcess([], 1, stdout=TRACE, stderr=ended)
    assert _reason(done) == "Caused by: java.io.FileNotFoundException: no such savepoint"
    done = subprocess.CompletedProcess([], 1, stdout="Error: no model\n", stderr=ended)
    assert _reason(done) == "no model"


def test_state_of_another_job_is_refused_without_flinks_advice() -> None:
    said = (
        "Caused by: java.lang.IllegalStateException: Failed to rollback to checkpoint/savepoint file:/s. Cannot map "
        "checkpoint/savepoint state for operator 90bea66de1c231edf33913ecd54406c1 to the new program, because the "
        "operator is not available in the new program. If you want to allow to skip this, you can set the "
        "--allowNonRestoredState option on the CLI."
    )
    with pytest.raises(ConfigError, match="found one of another version of this software: submit without it") as found:
        flink_run(["sh", "-c", f"echo '{said}'; exit 1"], dict(os.environ))
    assert "allowNonRestoredState" not in str(found.value)


def test_a_savepoint_is_handed_on() -> None:
    command = flink_run_command("http://h:1", [], worker_python="p", savepoint="file:///s")
    assert command[command.index("--fromSavepoint") + 1] == "file:///s"
    assert "--fromSavepoint" not in flink_run_command("http://h:1", [], worker_python="p")


@pytest.mark.parametrize(
    ("url", "address"),
    [("http://h:8081", "h:8081"), ("http://h", "h:80"), ("https://h", "https://h:443"), ("https://h:1", "https://h:1")],
)
def test_flinks_client_gets_an_address_that_it_understands(url: str, address: str) -> None:
    command = flink_run_command(url, [], worker_python="p")
    assert command[command.index("--jobmanager") + 1] == address


def test_a_cluster_that_has_gone_is_one_sentence() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ServiceUnavailable, match=f"Expected Flink at {url} to answer /jobs/j/stop, found no answer"):
        stop_with_savepoint(url, "j", None)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b'{"other": 1}', ConfigError),
        (200, b"<html>", ConfigError),
        (404, b"<html>", ConfigError),
        (404, b'{"errors": ["Job not found"]}', ServiceUnavailable),
        (503, b'{"errors": ["leader election"]}', ServiceUnavailable),
        (502, b"<html>", ServiceUnavailable),
        (400, b'{"errors": ["Bad request"]}', PipelineError),
    ],
)
def test_each_answer_is_an_error_of_its_kind(
    monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, kind: type[PipelineError]
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with answering(lambda _path: (status, body)) as url, pytest.raises(PipelineError) as caught:
        list_jobs(url)
    assert type(caught.value) is kind


def test_a_flink_that_asks_for_a_password_is_one_sentence() -> None:
    with answering(lambda _path: (401, b"<html>")) as url:
        with pytest.raises(ConfigError, match=f"that {url} lets in, found none: write Flink's address as https://USER"):
            list_jobs(url)
        with pytest.raises(ConfigError, match=f"that {url} lets in, found another user or password: ") as caught:
            list_jobs(url.replace("//", "//ann:sesame@"))
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:8081", "flink", "http://:8081"])
def test_an_address_that_is_none_is_no_outage(url: str) -> None:
    with pytest.raises(ConfigError, match="^Expected Flink's address as http://HOST:PORT, found .*: correct it"):
        check_job(url)
