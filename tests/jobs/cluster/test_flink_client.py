from __future__ import annotations

import subprocess

import pytest

from jobs.cluster.flink_client import _last_cause, _reason, flink_run_command, stop_with_savepoint
from stack.ports import free_port
from udfs.errors import PipelineError

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


def test_a_savepoint_is_handed_on() -> None:
    command = flink_run_command("http://h:1", [], worker_python="p", savepoint="file:///s")
    assert command[command.index("--fromSavepoint") + 1] == "file:///s"
    assert "--fromSavepoint" not in flink_run_command("http://h:1", [], worker_python="p")


def test_a_cluster_that_has_gone_is_one_sentence() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(PipelineError, match=f"Expected an answer from {url}/jobs/j/stop, found none"):
        stop_with_savepoint(url, "j", None)
