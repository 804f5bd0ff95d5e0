"""Finds the files that come with the project and are no code."""

from __future__ import annotations

import sysconfig
from pathlib import Path


def shipped_folder(name: str, part: str) -> Path:
    """Find a folder of the project: beside this package in a checkout, among the installed data files otherwise.

    Parameters
    ----------
    name : str
        The folder, such as `sql`.
    part : str
        A folder in it: an installed distribution may have a package of that name where a checkout has ours.
    """
    checkout = Path(__file__).resolve().parents[1] / name
    if (checkout / part).is_dir():
        return checkout
    return Path(sysconfig.get_path("data"), "share", "exchange-fingerprint", name)
