"""SIGTERM and SIGHUP as an exception, for commands that have something to put back."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

from jobs.cli.exit_codes import ExitCode

_EXIT_CODES: Final = {signal.SIGTERM: ExitCode.TERMINATED, signal.SIGHUP: ExitCode.HUNG_UP}


@contextmanager
def exit_on_signals() -> Iterator[None]:
    """Let the first SIGTERM or SIGHUP raise SystemExit meanwhile, so that every `finally` runs, undisturbed by another.

    A SIGHUP that is ignored, as `nohup` has it, stays so. Only for the main thread.
    """
    before = {number: signal.getsignal(number) for number in _EXIT_CODES}
    heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        for other in heard:
            signal.signal(other, _pass_over)
        raise SystemExit(_EXIT_CODES[signal.Signals(number)])

    for number in heard:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])


def _pass_over(_number: int, _frame: FrameType | None) -> None:
    # Not SIG_IGN, which processes that are started meanwhile would inherit.
    return
