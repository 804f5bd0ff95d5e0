"""The border where boosters come in from outside: each is tried in a child process before XGBoost loads it here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from model.artifact.booster_trial import UNSOUND
from udfs.errors import ArtifactError
from udfs.features import FEATURES

MAX_BOOSTER_BYTES: Final = 32 * 2**20
"""Six times the catalogue's; the trial's limits of memory and time are for this."""

_TRIAL: Final = "model.artifact.booster_trial"
_PACKAGES: Final = str(Path(__file__).parents[2])
"""Where ours lie, before whatever else is called `model` or `udfs`."""

_TIMEOUT_S: Final = 120
_MAX_ANSWER: Final = 300
_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR")
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""A thread takes memory for itself, of which the trial has a limit."""

_sound: set[tuple[str, int]] = set()


def try_booster(path: Path, raw: bytes, *, sha256: str, n_classes: int) -> None:
    """Let a child process load, look through and use a booster; one that was found sound is not tried again.

    Parameters
    ----------
    path : Path
        Where it is from, for the sentence.
    raw : bytes
        Of the booster.
    sha256 : str
        Of `raw`.
    n_classes : int
        That it must have.

    Raises
    ------
    ArtifactError
        If it is unsound, crashes the process, or takes too long or too much memory.
    """
    if (sha256, n_classes) in _sound:
        return
    # The child gets no secret: nothing of the environment but what Python and its libraries need.
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _ONE_THREAD
    environment["PYTHONPATH"] = os.pathsep.join([_PACKAGES, *(entry or os.getcwd() for entry in sys.path)])
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", _TRIAL, str(len(FEATURES)), str(n_classes)],
            input=raw,
            capture_output=True,
            env=environment,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        found: str | None = f"that it takes more than {_TIMEOUT_S} s"
    else:
        found = _found(ended)
    if found is not None:
        raise ArtifactError(
            f"Expected {path} to be a booster as training writes it, found {found}: do not use this file, take an "
            "unbroken copy from where it was trained or train anew"
        )
    _sound.add((sha256, n_classes))


def _found(ended: subprocess.CompletedProcess[bytes]) -> str | None:
    if ended.returncode == 0:
        return None
    if ended.returncode == UNSOUND:
        return ended.stdout[:_MAX_ANSWER].decode("ascii", "backslashreplace")
    if ended.returncode == -signal.SIGXCPU or ended.returncode == -signal.SIGKILL:
        return "that XGBoost does not come to an end with it"
    if b"MemoryError" in ended.stderr or b"bad_alloc" in ended.stderr:
        return "that XGBoost takes too much memory for it"
    how = signal.Signals(-ended.returncode).name if ended.returncode < 0 else f"exit code {ended.returncode}"
    return f"that XGBoost crashes on it ({how})"
