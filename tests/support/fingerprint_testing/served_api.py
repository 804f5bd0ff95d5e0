"""`fingerprint serve` as a user runs it: a process of its own on free ports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

_OURS = ("FINGERPRINT_API_TOKENS", "FINGERPRINT_API_TOKEN_FILE", "READER_DATABASE_URL", "DATABASE_URL")


@dataclass
class ServedApi:
    """A server that runs; `said` are its lines so far."""

    process: subprocess.Popen[str]
    url: str
    metrics_url: str
    said: list[str] = field(default_factory=list)

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=60, **options)

    def post(self, path: str, body: object = None, **options: Any) -> requests.Response:
        return requests.post(self.url + path, json=body, timeout=60, **options)

    def post_bytes(self, path: str, body: Any, **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(
            self.url + path, data=body, headers={"content-type": "application/json", **named}, timeout=60
        )

    def metrics(self) -> dict[str, float]:
        lines = requests.get(self.metrics_url, timeout=60).text.splitlines()
        samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}

    def scorers(self) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


@contextmanager
def served_api(home: Path, *options: str, environ: Mapping[str, str] | None = None) -> Iterator[ServedApi]:
    """Start it, wait until it can be asked, and end it by SIGTERM."""
    inherited = {name: value for name, value in os.environ.items() if name not in _OURS}
    # Whoever runs tests in the background ignores SIGINT, and so would what they start.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    run = f"{heard}; from jobs.cli.main import main; main()"
    command = [sys.executable, "-c", run, "serve", "--port", "0", "--metrics-port", "0", *options]
    process = subprocess.Popen(
        command,
        env={**inherited, "FINGERPRINT_HOME": str(home), **(environ or {})},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said: list[str] = []
    reader = threading.Thread(target=said.extend, args=(process.stderr,))
    try:
        metrics_url = _find(process, r"Metrics: (\S+)", said)
        url = _find(process, r"Serving (http[^,]+),", said)
        reader.start()
        served = ServedApi(process, url, metrics_url, said)
        served.get("/healthz").raise_for_status()
        yield served
    finally:
        process.terminate()
        process.wait(60)
        if reader.ident is not None:
            reader.join()
        process.stderr.close()


def _find(process: subprocess.Popen[str], pattern: str, said: list[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        said.append(line)
        if found := re.search(pattern, line):
            return found[1]
    raise RuntimeError(f"Expected the API to start, found: {''.join(said)}")
