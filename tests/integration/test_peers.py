"""The benchmark against others, in small: every peer in its own environment, on one topic, and its rows are right."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fingerprint_testing.paths import BENCHMARKS, ROOT
from stack.stack_status import StackStatus

REQUIREMENTS = BENCHMARKS / "peers" / "programs" / "requirements"
FORGETFUL = "bare-1"
"""Nothing that it has gathered survives a kill."""


def requirements(path: Path) -> dict[str, str]:
    lines = (line.partition("==") for line in path.read_text().split())
    return {name: version for name, _, version in lines}


@pytest.mark.parametrize("path", sorted(REQUIREMENTS.glob("*.txt")), ids=lambda path: path.stem)
def test_what_a_peer_shares_with_the_product_is_of_the_same_version(path: Path) -> None:
    locked = requirements_of_the_product()
    wanted = requirements(path)
    assert wanted
    assert all(wanted.values()), "pin it"
    assert {name: locked[name] for name in wanted if name in locked} == {
        name: wanted[name] for name in wanted if name in locked
    }


def requirements_of_the_product() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pinned = (line.split()[0].partition("==") for line in lines if line and not line.startswith((" ", "#")))
    return {name: version for name, _, version in pinned}


@pytest.mark.slow
def test_every_peer_writes_the_same_rows(local_stack: StackStatus, tmp_path: Path) -> None:
    peers = ["job-2", "bare-1", "bare-2", "bytewax-1", "bytewax-2", "quix-1", "quix-2", "pyflink", "worker"]
    command = [sys.executable, str(BENCHMARKS / "bench_peers.py"), "--home", str(local_stack.home)]
    small = ["--messages", "250000", "--seconds", "15", "--latency-seconds", "2", "--out", str(tmp_path)]
    done = subprocess.run(
        [*command, *small, "--peers", ",".join(peers)], capture_output=True, text=True, check=False, timeout=1500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "peers.json").read_text())["peers"]
    assert list(found) == peers, done.stdout
    for name, peer in found.items():
        (full,), live = peer["rounds"], peer["live"]
        assert (full["lost"], full["unexpected"], full["differing"]) == (0, 0, 0), name
        assert full["rows"] > 100, name
        assert full["windows_per_s"] > 0, name
        if live is not None and name != FORGETFUL:
            assert (live["lost"], live["unexpected"]) == (0, 0), name
    assert found["job-2"]["rounds"][0]["share"] == 1
    assert (tmp_path / "peers.png").stat().st_size > 10_000
    assert "| two bare processes |" in (tmp_path / "peers.md").read_text()
