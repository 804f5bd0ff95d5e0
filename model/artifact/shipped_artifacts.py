"""Where the models are that come with this project, and what they are called."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Final

DEFAULT_ARTIFACT: Final = Path(__file__).parents[1] / "trained"
"""The trained model that comes with this project."""

SHIPPED: Final = "the one that comes along"
"""How help says where that is: elsewhere on every machine."""

CATALOGUE_NAME: Final = "catalogue"
CATALOGUE_ARTIFACT: Final = Path(__file__).parents[1] / "catalogue"
"""The one that names more venues, for those that ask for it."""


def artifact_folder(model: Path) -> Path:
    """Find the folder of a model: the one that is given, or else the shipped one of that name.

    A folder comes first: who has trained a model into `catalogue` means that one.
    """
    return CATALOGUE_ARTIFACT if str(model) == CATALOGUE_NAME and not model.is_dir() else model


@lru_cache(maxsize=1)
def shipped_boosters() -> frozenset[str]:
    """Return the SHA-256 of the boosters that come with this project: these need no trial, wherever a copy lies."""
    manifests = (folder / "manifest.json" for folder in (DEFAULT_ARTIFACT, CATALOGUE_ARTIFACT))
    return frozenset(json.loads(path.read_bytes())["booster_sha256"] for path in manifests if path.is_file())
