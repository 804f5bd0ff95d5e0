"""Debian's programs for machines that do not have them: fetched and checked by apt, unpacked into the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

TIMEOUT_S = 120


def find_program_folder(program: str, package: str | None = None, place: str = "usr/bin") -> Path | None:
    """Return the folder of a program and of those beside it, None where they cannot be had.

    Parameters
    ----------
    program : str
        By which the folder is known.
    package : str or None
        Debian's, if it has another name.
    place : str
        The folder within the package.
    """
    package = package or program
    for path in (shutil.which(program), f"/{place}/{program}"):
        if path is not None and Path(path).is_file():
            return Path(path).parent
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exchange-fingerprint"
    folder = cache / package
    if not folder.is_dir() and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        cache.mkdir(parents=True, exist_ok=True)
        _fetch(folder, package)
    programs = folder / place
    return programs if (programs / program).is_file() else None


def _fetch(folder: Path, name_of_package: str) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        work = Path(name)
        # As apt is set up here; if it has no lists of packages yet, with lists of our own.
        package = _download(work, name_of_package, ()) or _download_with_lists(work, name_of_package)
        if package is not None and _runs(["dpkg-deb", "-x", str(package), str(work / "unpacked")], work):
            try:
                (work / "unpacked").rename(folder)
            except OSError:
                # Tests in another process were faster.
                if not folder.is_dir():
                    raise


def _download_with_lists(work: Path, package: str) -> Path | None:
    options = [f"Dir::State::lists={work / 'lists'}", f"Dir::Cache={work / 'cache'}"]
    for part in ("lists", "cache"):
        (work / part / "partial").mkdir(parents=True)
    (work / "cache" / "archives" / "partial").mkdir(parents=True)
    arguments = [argument for option in options for argument in ("-o", option)]
    return _download(work, package, arguments) if _runs(["apt-get", *arguments, "update"], work) else None


def _download(work: Path, package: str, arguments: Sequence[str]) -> Path | None:
    _runs(["apt-get", *arguments, "download", package], work)
    return next(work.glob(f"{package}_*.deb"), None)


def _runs(command: Sequence[str], folder: Path) -> bool:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
