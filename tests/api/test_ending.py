"""SIGTERM lets what is being answered end, and takes nothing new."""

from __future__ import annotations

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from fingerprint_testing.served_api import served_api
from jobs.cli.exit_codes import ExitCode


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, ExitCode.TERMINATED), (signal.SIGINT, ExitCode.INTERRUPTED)]
)
def test_a_request_in_flight_is_answered(
    number: signal.Signals, code: ExitCode, tmp_path: Path, recordings: dict[str, list[dict[str, Any]]]
) -> None:
    body = json.dumps({"windows": [recordings["kraken-1"][:50]] * 900}).encode()
    with served_api(tmp_path) as api, ThreadPoolExecutor(1) as threads:
        scorers = api.scorers()
        for scorer in scorers:
            scorer.suspend()  # so that the request is surely in flight when the signal comes
        try:
            answer = threads.submit(api.post_bytes, "/v1/windows", body)
            while not api.metrics()["fingerprint_api_scoring_requests"]:
                assert not answer.done()
                time.sleep(0.01)
            api.process.send_signal(number)
        finally:
            for scorer in scorers:
                scorer.resume()
        assert answer.result().status_code == 200
        assert len(answer.result().json()["window_scores"]) == 900
        assert api.process.wait(60) == code
        with pytest.raises(requests.ConnectionError):
            api.get("/healthz")
        assert psutil.wait_procs(scorers, 60)[1] == []
        assert [line for line in api.said if "Traceback" in line] == []


def test_scoring_processes_end_with_a_server_that_is_killed(tmp_path: Path) -> None:
    with served_api(tmp_path) as api:
        scorers = api.scorers()
        assert len(scorers) == 1
        api.process.kill()
        assert psutil.wait_procs(scorers, 60)[1] == []
