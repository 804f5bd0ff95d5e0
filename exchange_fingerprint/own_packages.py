"""Where this package finds the others: beside itself in a checkout, in a folder of its own where it is installed.

Their names are short, such as `jobs` and `model`, and what a user calls so stays the user's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Final

FOLDER: Final = Path(__file__).with_name("_packages")


def put_in_front() -> None:
    """Let this process, which is ours alone, and those that it starts import our packages before others' of a name."""
    if FOLDER.is_dir():
        sys.path.insert(0, str(FOLDER))
        others = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([str(FOLDER), *([others] if others else [])])


@contextmanager
def within_reach() -> Iterator[None]:
    """Let the imports of a block find our packages, in a process that is somebody else's.

    Modules that are imported there keep each other. Afterwards the names mean what they meant before, and may be
    imported by whoever has modules of these names.
    """
    if not FOLDER.is_dir():
        yield
        return
    names = {path.name for path in FOLDER.iterdir()}
    others = _take_away(names)
    sys.path.insert(0, str(FOLDER))
    try:
        yield
    finally:
        sys.path.remove(str(FOLDER))
        _take_away(names)
        sys.modules.update(others)


def _take_away(names: set[str]) -> dict[str, ModuleType]:
    found = [name for name in sys.modules if name.partition(".")[0] in names]
    return {name: sys.modules.pop(name) for name in found}
