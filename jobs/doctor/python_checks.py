"""Whether Python and its packages are those that this version wants; needs no package itself."""

from __future__ import annotations

import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from jobs.doctor.findings import Finding, Level

DISTRIBUTION: Final = "exchange-fingerprint"
PYTHON: Final = (3, 11)

_PINNED: Final = re.compile(r"([\w.-]+)==([\w.]+)")


def check_software() -> Finding:
    """Say which version this is."""
    return Finding(subject="fingerprint", found=version(DISTRIBUTION))


def check_packages() -> Finding:
    """Compare the Python packages that are installed with those that this version is tested with."""
    pinned = [match.groups() for line in requires(DISTRIBUTION) or () if (match := _PINNED.fullmatch(line))]
    installed = {name: installed_version(name) for name, _ in pinned}
    wrong = [f"{name} {installed[name]} instead of {wanted}" for name, wanted in pinned if installed[name] != wanted]
    if not wrong:
        return Finding(subject="packages", found=f"all {len(pinned)} as this version wants them")
    advice = "install this version anew"
    return Finding(subject="packages", level=Level.PROBLEM, found=", ".join(wrong), advice=advice)


def installed_version(name: str) -> str:
    """Return the version of a package, or ``missing``."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def check_python() -> Finding:
    """Look at the Python that runs this."""
    found = f"{platform.python_version()} in {sys.prefix}"
    if sys.version_info[:2] == PYTHON:
        return Finding(subject="Python", found=found)
    wanted = ".".join(map(str, PYTHON))
    return Finding(subject="Python", level=Level.PROBLEM, found=found, advice=f"install this with Python {wanted}")
