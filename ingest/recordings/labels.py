"""What `index.csv` calls recordings."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Final

_INDEX: Final = "index.csv"
_LEVELS: Final = 2
"""An index lies beside its recordings or in the folder above."""


def find_label(recording: Path) -> str | None:
    """Find the label of a recording, None without an index that lists it with one.

    Parameters
    ----------
    recording : Path
        A file, or the first part of a rotated connection.
    """
    path = recording.resolve()
    for folder in path.parents[:_LEVELS]:
        label = _labels_of(folder / _INDEX).get(path.relative_to(folder).as_posix())
        if label:
            return label
    return None


@cache
def _labels_of(index: Path) -> dict[str, str]:
    """Read file and label of each row; a file that is no such index labels nothing."""
    try:
        with index.open(newline="", encoding="utf-8") as file:
            rows = [(row.get("file"), row.get("label")) for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    return {name: label for name, label in rows if name and label}
