"""The Python packages of the locks, with what their installed metadata says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.inventory.part import Part, spdx_or_name

LOCKS: Final = ("requirements.lock", "requirements-java.lock")
# What the project runs on: Linux with the Python that pyproject.toml asks for.
_MACHINE: Final = {"sys_platform": "linux", "python_full_version": "3.11.14", "python_version": "3.11"}
_NOTICE_FILE: Final = re.compile(r"(^|/)(licen[cs]e|notice|copying|authors)[^/]*$", re.IGNORECASE)
_LONGEST_LICENCE: Final = 80


def python_parts(root: Path) -> list[Part]:
    """Read the locks in `root`, and the metadata of the packages that are installed here."""
    return [
        _part(requirement, lock, used_by)
        for lock in LOCKS
        for requirement, used_by in _locked((root / lock).read_text(encoding="utf-8"))
    ]


def needed_by(root: Path) -> dict[str, tuple[str, ...]]:
    """Return, by package, the names of what needs it, as the locks have them in their comments."""
    return {
        canonicalize_name(requirement.name): used_by
        for lock in LOCKS
        for requirement, used_by in _locked((root / lock).read_text(encoding="utf-8"))
    }


def _locked(text: str) -> Iterator[tuple[Requirement, tuple[str, ...]]]:
    for block in re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE)[1:]:
        requirement = Requirement(block.partition(" \\\n")[0].strip())
        if requirement.marker is None or requirement.marker.evaluate(_MACHINE):
            # "# via one", or "# via" and a line for each.
            used_by = re.findall(r"^    #(?: via)? +([\w.-]+)", block, flags=re.MULTILINE)
            yield requirement, tuple(canonicalize_name(name) for name in used_by)


def _part(requirement: Requirement, lock: str, used_by: tuple[str, ...]) -> Part:
    name = canonicalize_name(requirement.name)
    version = str(requirement.specifier).removeprefix("==")
    found = _installed(name, version)
    return Part(
        kind="python",
        name=name,
        version=version,
        purl=f"pkg:pypi/{name}@{version}",
        source=lock,
        licences=_licences(found) if found else (),
        notices=tuple(_notices(found)) if found else (),
    )


def _installed(name: str, version: str) -> Distribution | None:
    """Return what is installed under a name, if it is the locked version."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    return found if found.version == version else None


def _licences(found: Distribution) -> tuple[str, ...]:
    """Take the licence from the newest kind of field that says one."""
    metadata = found.metadata
    if "License-Expression" in metadata:
        return (metadata["License-Expression"],)
    classified = [
        value.rpartition(" :: ")[2]
        for value in metadata.get_all("Classifier") or ()
        if value.startswith("License :: ") and not value.endswith(":: OSI Approved")
    ]
    said = metadata["License"] if "License" in metadata else ""
    # Some put the whole text there.
    if said.strip() and len(said) <= _LONGEST_LICENCE and said.upper() != "UNKNOWN":
        return spdx_or_name([said])
    return spdx_or_name(classified)


def _notices(found: Distribution) -> Iterator[tuple[str, str]]:
    for path in found.files or ():
        if ".dist-info/" in str(path) and _NOTICE_FILE.search(str(path)):
            yield path.name, Path(path.locate()).read_text(encoding="utf-8", errors="replace")
