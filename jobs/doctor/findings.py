"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: a problem makes a command fail, a warning may."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the doctor's.

    Attributes
    ----------
    subject : str
        What was looked at.
    level : Level
        How bad it is.
    found : str
        What was found, without secrets.
    advice : str
        What to do; empty where there is nothing to do.
    """

    subject: str
    level: Level = Level.OK
    found: str
    advice: str = ""
