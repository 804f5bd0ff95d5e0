"""Whether this machine can run the local stack."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import psutil

from jobs.doctor.findings import Finding, Level
from stack.control import BYTES_PER_GB, MIN_FREE_BYTES
from stack.java.runtime import find_java

STACK_BYTES: Final = 2_000_000_000
"""What stack and job take soon after their start: 1.7 GB were measured, as the sum of PSS."""


def check_java() -> Finding:
    """Look for a Java; raise ConfigError if there is none that is new enough."""
    java = find_java()
    return Finding(subject="Java", found=f"{java.version} in {java.home}")


def check_memory(*, stack_runs: bool, available_bytes: int | None = None) -> Finding:
    """Look whether the local stack has room in memory, if it does not run yet."""
    memory = psutil.virtual_memory()
    available = memory.available if available_bytes is None else available_bytes
    found = f"{available / BYTES_PER_GB:.1f} GB available of {memory.total / BYTES_PER_GB:.1f} GB"
    if stack_runs or available >= STACK_BYTES:
        return Finding(subject="memory", found=found)
    needed = f"{STACK_BYTES / BYTES_PER_GB:.0f} GB"
    return Finding(
        subject="memory",
        level=Level.WARNING,
        found=found,
        advice=f"end other programs before `fingerprint up`: stack and job take {needed}",
    )


def check_disk(home: Path, *, min_free_bytes: int = MIN_FREE_BYTES) -> Finding:
    """Look whether the local stack has room on the disk of its home."""
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    found = f"{free / BYTES_PER_GB:.1f} GB free for {home}"
    if free >= min_free_bytes:
        return Finding(subject="disk", found=found)
    advice = f"make room for {min_free_bytes / BYTES_PER_GB:.0f} GB, or choose another folder with --home"
    return Finding(subject="disk", level=Level.PROBLEM, found=found, advice=advice)
