"""What the exit code of a command means."""

from __future__ import annotations

import signal
from enum import IntEnum
from typing import Final

_SHELLS_BASE: Final = 128
"""What a shell adds to the number of the signal that ended a command."""


class ExitCode(IntEnum):
    """Every exit code that a command of this project has of its own accord."""

    OK = 0
    FAILED = 1
    USAGE = 2
    HUNG_UP = _SHELLS_BASE + signal.SIGHUP
    INTERRUPTED = _SHELLS_BASE + signal.SIGINT
    TERMINATED = _SHELLS_BASE + signal.SIGTERM


MEANINGS: Final = {
    ExitCode.OK: "Done, and nothing is wrong.",
    ExitCode.FAILED: "A mistake of the user, a service that is away, a bug, or a check that found something: "
    "`alerts` something critical, `doctor` a problem, `score --check` a recording that is called otherwise, `results "
    "diff` and `chaos` a difference, `grafana push` a query that fails, `dlq redrive` a record that is still "
    "invalid, `recordings fetch` a recording that is missing or differs, and what reads recordings one that is left "
    "out or damaged.",
    ExitCode.USAGE: "No such command, option or argument.",
    ExitCode.HUNG_UP: "Ended by SIGHUP.",
    ExitCode.INTERRUPTED: "Ended by Ctrl-C.",
    ExitCode.TERMINATED: "Ended by SIGTERM.",
}
"""By exit code: what it means."""

_OTHERS: Final = "`test` and `psql` end with the code of the program that they run."


def failed_if(found: bool) -> ExitCode:
    """Return the exit code of a check."""
    return ExitCode.FAILED if found else ExitCode.OK


def exit_code_help() -> str:
    """Write the end of the help: a paragraph for each exit code."""
    lines = [f"{code.value}: {meaning}" for code, meaning in MEANINGS.items()]
    return "\n\n".join(["Exit codes:", *lines, _OTHERS])
