"""Corrupt records between clean ones, on the real job: the same judgement in Java and in Python on each of them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from fingerprint_testing.paths import BENCHMARKS
from stack.stack_status import StackStatus
from synthetic.corruption import edges

SCRIPT = BENCHMARKS / "fuzz_dead_letters.py"
N_RECORDS = 5_000


@pytest.mark.slow
def test_spoiled_records_are_dead_letters_and_nothing_else_changes(local_stack: StackStatus) -> None:
    command = [sys.executable, str(SCRIPT), "--records", str(N_RECORDS), "--home", str(local_stack.home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert done.returncode == 0, "\n".join(found["examples"]) or found
    assert found["records"] - found["messages"] == found["dead_letters"] > N_RECORDS / 2
    assert (found["wrong_letters"], found["wrong_rows"], found["restarts"]) == (0, 0, 0)
    assert found["is_hash_same"]
    assert found["is_clean_same"]
    # Every reason that there is.
    assert len(found["reasons"]) == 19


def test_the_edges_are_some_hundred_records_on_both_sides() -> None:
    value = b'{"connection_id":"c","recv_ts_ns":1000000000000000000,"msg_type":"NEW","seq":5}'
    records = list(edges(b"c", value))
    assert 500 < len(records) < N_RECORDS / 4
    assert records == list(edges(b"c", value))
