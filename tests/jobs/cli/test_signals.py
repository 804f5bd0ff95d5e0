"""Who ends a command by a signal finds what it had changed put back."""

from __future__ import annotations

import signal
import subprocess
import sys

import psutil
import pytest

from jobs.cli.signals import exit_on_signals

VICTIM = [sys.executable, "-c", "input()"]
COMMAND = """
import signal, sys, time
import psutil
from jobs.trials.chaos.faults import paused
from jobs.cli.signals import exit_on_signals
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup may stand above the tests
with exit_on_signals():
    try:
        victim = psutil.Process(int(sys.argv[1]))
        with paused([victim]):
            while victim.status() != psutil.STATUS_STOPPED:
                time.sleep(0.01)
            print("paused", flush=True)
            time.sleep(60)
    finally:
        print("asked", flush=True)
        sys.stdin.readline()
        print("put back", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_was_paused_runs_again_and_a_second_signal_does_not_disturb(number: signal.Signals) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(VICTIM, stdin=pipe) as victim:  # noqa: S603  # our Python
        command = [sys.executable, "-c", COMMAND, str(victim.pid)]
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as chaos:  # noqa: S603  # our Python
            assert chaos.stdin is not None
            assert chaos.stdout is not None
            assert chaos.stdout.readline() == "paused\n"
            chaos.send_signal(number)
            assert chaos.stdout.readline() == "asked\n"
            assert psutil.Process(victim.pid).status() != psutil.STATUS_STOPPED
            chaos.send_signal(signal.SIGTERM)
            chaos.stdin.write("go on\n")
            assert chaos.stdout.readline() == "put back\n"
        assert chaos.returncode == 128 + number
        victim.kill()


def test_what_was_heard_and_ignored_before_is_afterwards() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with exit_on_signals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert (signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGTERM)) == (signal.SIG_IGN, signal.SIG_DFL)
    finally:
        signal.signal(signal.SIGHUP, before)
