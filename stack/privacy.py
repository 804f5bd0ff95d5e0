"""What of a stack others on the machine may see: no file of its folders, and of the user's environment a few names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

FOLDERS: Final = ("kafka", "zookeeper", "flink", "flink-client", "postgres", "prometheus", "logs")
"""What the stack makes in its home."""

PRIVATE_UMASK: Final = 0o077
_OF_OTHERS: Final = 0o077

PASSED_ON: Final = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "XDG_CACHE_HOME"),
    *("LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "JAVA_HOME", "JAVA_TOOL_OPTIONS"),
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"),
)
"""What the stack's processes and Flink's client get of the user's environment, where anything may be a secret."""


def passed_on(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the part of an environment that may be passed on."""
    return {name: environ[name] for name in PASSED_ON if name in environ}


@contextmanager
def private_files() -> Iterator[None]:
    """Let files and folders that are made meanwhile be their owner's only."""
    before = os.umask(PRIVATE_UMASK)
    try:
        yield
    finally:
        os.umask(before)


def close_folders(home: Path) -> None:
    """Take from others what an earlier version left them of the stack's folders in `home`."""
    for name in FOLDERS:
        for folder, _, files in os.walk(home / name):
            for path in (Path(folder), *(Path(folder) / file for file in files)):
                _close(path)


def _close(path: Path) -> None:
    mode = path.lstat().st_mode
    if mode & _OF_OTHERS and not stat.S_ISLNK(mode):
        path.chmod(stat.S_IMODE(mode) & ~_OF_OTHERS)


def let_through(folder: Path, gid: int) -> None:
    """Let a group pass through a folder, whose content it cannot list."""
    os.chown(folder, -1, gid)
    folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IXGRP)
