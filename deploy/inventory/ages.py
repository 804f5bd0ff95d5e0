"""When the pinned versions of what the project asks for itself were released."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from deploy.inventory.jar_parts import DELIVERED
from stack.java.jars import cache_folder, locked_jars
from udfs.errors import ServiceUnavailable

# What builds write in place of a day, so that two of them give the same jar.
_NO_DAYS = frozenset({date(1980, 1, 1), date(1980, 2, 1), date(2010, 1, 1)})


def python_releases(root: Path) -> dict[str, date]:
    """Ask the package index, through uv, when each direct dependency was first uploaded."""
    uv = Path(sys.executable).with_name("uv")
    command: list[str | Path] = [
        uv,
        "pip",
        "compile",
        "--quiet",
        "--no-deps",
        "--universal",
        "--python-version",
        "3.11",
    ]
    command += ["--format", "pylock.toml", root / "pyproject.toml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason"])[-1]
        raise ServiceUnavailable(
            f"Expected the package index to tell when versions were released, found {said}: try again"
        )
    return releases_in(tomllib.loads(done.stdout))


def releases_in(lock: Mapping[str, Any]) -> dict[str, date]:
    """Read, by package of a pylock, the day of its first file; packages without one are left out.

    Examples
    --------
    >>> from datetime import UTC
    >>> files = [{"upload-time": datetime(2026, 2, 3, tzinfo=UTC)}, {"upload-time": datetime(2026, 2, 1, tzinfo=UTC)}]
    >>> releases_in({"packages": [{"name": "one", "wheels": files}, {"name": "two"}]})
    {'one': datetime.date(2026, 2, 1)}
    """
    found = {}
    for package in lock["packages"]:
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
        times: list[datetime] = [file["upload-time"] for file in files if "upload-time" in file]
        if times:
            found[package["name"]] = min(times).date()
    return found


def jar_releases() -> dict[str, date]:
    """Read, by artifact, the day of the newest file inside each jar in the cache; it may be the day of a commit."""
    found = {}
    for jar in locked_jars():
        path = cache_folder() / jar.file_name
        if jar.set_name in DELIVERED and path.is_file():
            with ZipFile(path) as archive:
                newest = max(date(*entry.date_time[:3]) for entry in archive.infolist())
            if newest not in _NO_DAYS:
                found[f"{jar.group}:{jar.artifact}"] = newest
    return found
