"""What documents print and needs no stack, run line by line, as printed and in its order, in a copy of the checkout."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import requests

from fingerprint_testing.fix import fix
from fingerprint_testing.paths import EXAMPLES, ROOT
from fingerprint_testing.printed_lines import OTHERS, lines_to_run
from fingerprint_testing.recordings_in_small import write_capture
from jobs.cli.exit_codes import ExitCode
from stack.ports import free_port
from stack.user_folders import user_home
from synthetic.open_world.unknown_venues import draw_unknown_profile

pytestmark = pytest.mark.slow

BASH = shutil.which("bash") or ""
ONE_IS_NOT_KRAKEN = "./fingerprint score captures --expect kraken --check"
PRINTED_ADDRESS = "http://127.0.0.1:8001"


@pytest.fixture
def copy(tmp_path: Path, toy_model: Path) -> Path:
    """Copy the checkout, with recordings and a model that the documents name."""
    copy = tmp_path / "copy"
    left_out = (".git", ".venv", ".local", ".*_cache", "__pycache__", "*.egg-info", "target", "fingerprint")
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*left_out))
    for name in (".venv", "fingerprint"):
        (copy / name).symlink_to(ROOT / name)
    shutil.copytree(toy_model, copy / "my-model")
    (copy / "captures").mkdir()
    for name in ("kraken-orders-1.jsonl.gz", "kraken-2.jsonl.gz"):
        frames = gzip.decompress((EXAMPLES / name).read_bytes()).splitlines(keepends=True)
        (copy / "captures" / name).write_bytes(gzip.compress(b"".join(frames[:300])))
    shutil.copy(EXAMPLES / "index.csv", copy / "captures")
    venue = draw_unknown_profile(np.random.default_rng(8))
    for day in (21, 22, 23):
        write_capture(copy / "bitflyer" / f"bitflyer-202611{day}T0000.jsonl.gz", venue, day)
    frame = b'1760000000000000000 {"stream":"btcusdt@trade","data":{"e":"trade","t":1}}\n'
    (copy / "recording.gz").write_bytes(gzip.compress(frame * 60))
    logons = [
        fix(f"35=A|49={us}|56={them}|34=1|52=20260101-00:00:00.000|98=0|108=30")
        for us, them in (("FIRM", "VENUE"), ("VENUE", "FIRM"))
    ]
    log = b"".join(b"2026-01-01T00:00:00.000 " + logon + b"\n" for logon in logons)
    (copy / "session.log.gz").write_bytes(gzip.compress(log))
    return copy


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return one with an empty home, where neither a stack nor a service is, and what was downloaded before."""
    services = ("FINGERPRINT_KAFKA", "FINGERPRINT_FLINK", "DATABASE_URL", "http_proxy", "HTTP_PROXY")
    inherited = {key: value for key, value in os.environ.items() if key not in services}
    cache = os.environ.get("XDG_CACHE_HOME") or str(user_home() / ".cache")
    home = {"HOME": str(tmp_path / "home"), "FINGERPRINT_HOME": str(tmp_path / "stack"), "XDG_CACHE_HOME": cache}
    return inherited | home


def run(line: str, copy: Path, environment: dict[str, str], code: int = 0) -> str:
    done = subprocess.run(
        [BASH, "-c", line], cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def served(line: str, copy: Path, environment: dict[str, str]) -> Iterator[str]:
    """Run a line that serves until it is told to end, on free ports; yield its address."""
    port = free_port()
    *before, serve = f"{line} --port {port} --metrics-port 0".split("; ")
    script = "; ".join([*before, f"exec {serve}"])
    with subprocess.Popen([BASH, "-c", script], cwd=copy, env=environment) as server:
        try:
            end_s = time.monotonic() + 180
            while not is_healthy(f"http://127.0.0.1:{port}"):
                assert server.poll() is None, f"{line} ended"
                assert time.monotonic() < end_s, f"{line} does not answer"
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(60) == ExitCode.TERMINATED


def is_healthy(address: str) -> bool:
    try:
        return requests.get(f"{address}/healthz", timeout=5, proxies={"http": ""}).ok
    except requests.RequestException:
        return False


@pytest.mark.parametrize("document", [name for name in OTHERS if lines_to_run(name, on_a_stack=False)])
def test_the_lines_of_a_document_run(document: str, copy: Path, environment: dict[str, str]) -> None:
    asked_with = ""
    for line in lines_to_run(document, on_a_stack=False):
        if "$TOKEN" in line:
            # The server of the line before, which made the token.
            with served(asked_with.rpartition("; ")[2], copy, environment) as address:
                token = (copy / "tokens").read_text().strip().removeprefix("score,read:")
                asked = line.replace(PRINTED_ADDRESS, address)
                assert "model_version" in run(f"TOKEN={token}; {asked}", copy, environment)
        elif "./fingerprint serve" in line:
            with served(line, copy, environment):
                asked_with = line
        else:
            if line.startswith("./fingerprint convert"):
                # Other ways to do the same, which writes over nothing.
                shutil.rmtree(copy / "captures-of-mine", ignore_errors=True)
            run(line, copy, environment, int(line.startswith(ONE_IS_NOT_KRAKEN)))
