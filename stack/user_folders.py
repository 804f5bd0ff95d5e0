"""The folders of the user that this software keeps things in, by the XDG Base Directory Specification."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from udfs.errors import ConfigError

_OF_OURS: Final = "exchange-fingerprint"


def user_home(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the user's home folder, also where HOME is unset or empty."""
    if environ.get("HOME"):
        return Path(environ["HOME"])
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError as error:
        raise ConfigError("Expected HOME to name your home folder, found it unset: set it") from error


def user_cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of what can be fetched or made again."""
    return Path(environ.get("XDG_CACHE_HOME") or user_home(environ) / ".cache") / _OF_OURS


def user_state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of what stays from one run to the next."""
    return Path(environ.get("XDG_STATE_HOME") or user_home(environ) / ".local" / "state") / _OF_OURS
