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
MISSING: Final = "missing"

_PINNED: Final = re.compile(r"""([\w.-]+)==([\w.]+)(?: *; *extra == ['"](\w+)['"])?""")
_COMES_WITH: Final = {"starlette": "fastapi"}
"""Packages that we import, by what of ours asks for them."""


def check_software() -> Finding:
    """Say which version this is."""
    return Finding(subject="fingerprint", found=version(DISTRIBUTION))


def check_packages() -> Finding:
    """Compare the Python packages that are installed with those that this version is tested with."""
    pinned = _pinned()
    installed = {name: installed_version(name) for name, _, _ in pinned}
    # Of an extra that is not there, nothing is wrong.
    extras = sorted({extra for name, _, extra in pinned if extra and installed[name] != MISSING})
    wanted = [(name, version) for name, version, extra in pinned if not extra or extra in extras]
    wrong = [f"{name} {installed[name]} instead of {version}" for name, version in wanted if installed[name] != version]
    if wrong:
        advice = "install this version anew"
        return Finding(subject="packages", level=Level.PROBLEM, found=", ".join(wrong), advice=advice)
    with_extras = f"with the extras {', '.join(extras)}" if extras else "without extras"
    return Finding(subject="packages", found=f"all {len(wanted)} as this version wants them, {with_extras}")


def missing_extra(module: str | None) -> str | None:
    """Return the extra that brings a module, as an error of its import names it; None if none does."""
    name = (module or "").partition(".")[0]
    package = _COMES_WITH.get(name, name).replace("_", "-")
    return next((extra for one, _, extra in _pinned() if one == package and extra), None)


def _pinned() -> list[tuple[str, str, str]]:
    """Read what this version asks for: packages, their versions, and the extra that they belong to, if to one."""
    found = (_PINNED.fullmatch(line) for line in requires(DISTRIBUTION) or ())
    return [(match[1], match[2], match[3] or "") for match in found if match]


def installed_version(name: str) -> str:
    """Return the version of a package, or `MISSING`."""
    try:
        return version(name)
    except PackageNotFoundError:
        return MISSING


def check_python() -> Finding:
    """Look at the Python that runs this."""
    found = f"{platform.python_version()} in {sys.prefix}"
    if sys.version_info[:2] == PYTHON:
        return Finding(subject="Python", found=found)
    wanted = ".".join(map(str, PYTHON))
    return Finding(subject="Python", level=Level.PROBLEM, found=found, advice=f"install this with Python {wanted}")
