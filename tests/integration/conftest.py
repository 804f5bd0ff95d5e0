"""Helpers for tests on the whole path."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stack.status import StackStatus

CAPTURES = Path(os.environ.get("FINGERPRINT_CAPTURES", Path(__file__).parents[3] / "shared" / "captures"))


@pytest.fixture(scope="session")
def captures() -> Path:
    """Return the folder of real recordings; they are no part of the project."""
    if not CAPTURES.is_dir():
        pytest.skip(f"no recordings in {CAPTURES}; FINGERPRINT_CAPTURES names another folder")
    return CAPTURES


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    def wait(condition: Callable[[], bool], *, timeout_s: float = 180, what: str = "the condition") -> None:
        end_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end_s, f"{what} did not come about in {timeout_s} s"
            time.sleep(0.25)

    return wait


@pytest.fixture
def stack_environment(local_stack: StackStatus) -> dict[str, str]:
    """Return an environment in which the command line finds the shared stack."""
    named = ("FINGERPRINT_KAFKA", "FINGERPRINT_FLINK", "DATABASE_URL")
    inherited = {key: value for key, value in os.environ.items() if key not in named}
    return inherited | {"FINGERPRINT_HOME": str(local_stack.home), "COLUMNS": "200"}
