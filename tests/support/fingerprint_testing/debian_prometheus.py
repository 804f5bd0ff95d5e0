"""Debian's Prometheus for machines that have none: fetched and checked by apt, unpacked into the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

TIMEOUT_S = 120


def find_prometheus_folder() -> Path | None:
    """Return the folder of the programs `prometheus` and `promtool`, None where they cannot be had."""
    installed = shutil.which("prometheus")
    if installed is not None:
        return Path(installed).parent
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exchange-fingerprint"
    folder = cache / "prometheus"
    if not folder.is_dir() and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        cache.mkdir(parents=True, exist_ok=True)
        _fetch(folder)
    programs = folder / "usr" / "bin"
    return programs if (programs / "prometheus").is_file() else None


def _fetch(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        work = Path(name)
        # As apt is set up here; if it has no lists of packages yet, with lists of our own.
        package = _download(work, ()) or _download_with_lists(work)
        if package is not None and _runs(["dpkg-deb", "-x", str(package), str(work / "unpacked")], work):
            (work / "unpacked").rename(folder)


def _download_with_lists(work: Path) -> Path | None:
    options = [f"Dir::State::lists={work / 'lists'}", f"Dir::Cache={work / 'cache'}"]
    for part in ("lists", "cache"):
        (work / part / "partial").mkdir(parents=True)
    (work / "cache" / "archives" / "partial").mkdir(parents=True)
    arguments = [argument for option in options for argument in ("-o", option)]
    return _download(work, arguments) if _runs(["apt-get", *arguments, "update"], work) else None


def _download(work: Path, arguments: Sequence[str]) -> Path | None:
    _runs(["apt-get", *arguments, "download", "prometheus"], work)
    return next(work.glob("prometheus_*.deb"), None)


def _runs(command: Sequence[str], folder: Path) -> bool:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
