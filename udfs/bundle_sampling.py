"""A thread that Beam starts for each call of Python, kept from starting.

It wakes now and then to note in which step of the call the worker is, for statistics that Flink does not read. At the
end of a call Beam waits for it to wake: up to a fifth of what the call took.
"""

from __future__ import annotations

import threading
from typing import Any


def start_no_sampling() -> None:
    """Let calls of Python in this process know their step, which counters need, and sample it no longer."""
    # Beam is there in a worker; whoever imports this to submit a job would wait for it in vain.
    from apache_beam.runners.worker import statesampler

    def start(sampler: Any) -> None:
        sampler.tracked_thread = threading.current_thread()
        statesampler.set_current_tracker(sampler)
        sampler.started = True

    def stop(sampler: Any) -> None:
        statesampler.set_current_tracker(None)
        sampler.finished = True

    statesampler.StateSampler.start = start
    statesampler.StateSampler.stop = stop
