"""`fingerprint` as a user runs it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

TIMEOUT_S = 300


def commands(**variables: str) -> Callable[..., str]:
    """Return a function that runs `fingerprint` with these variables beside ours, and returns all that it said."""

    def run(*words: str, is_well: bool = True) -> str:
        command = [str(Path(sys.executable).parent / "fingerprint"), *words]
        environment = {**os.environ, "COLUMNS": "200", **variables}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
        assert not is_well or done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run
