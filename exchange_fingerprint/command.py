"""Where the command `fingerprint` begins: Ctrl-C ends it quietly also while it is still importing."""

from __future__ import annotations

import sys

from exchange_fingerprint.own_packages import put_in_front

_INTERRUPTED = 130
"""`ExitCode.INTERRUPTED`, which is not imported yet."""


def main() -> None:
    """Import the command line, and run a command."""
    try:
        put_in_front()
        from jobs.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
