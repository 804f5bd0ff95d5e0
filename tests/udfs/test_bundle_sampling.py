"""Beam's sampling thread is not there, and what counters need of it is."""

from __future__ import annotations

import threading

from udfs.bundle_sampling import start_no_sampling


def test_two_calls_know_their_step_and_start_no_thread(state_sampler: type) -> None:
    from apache_beam.runners.worker.statesampler import get_current_tracker
    from apache_beam.utils.counters import CounterFactory

    before = threading.enumerate()
    sampler = state_sampler("bundle", CounterFactory())
    sampler.start()
    assert len(threading.enumerate()) == len(before) + 1
    sampler.stop_if_still_running()

    start_no_sampling()
    step = sampler.scoped_state("score", "process")
    for _ in range(2):
        sampler.reset()
        sampler.start()
        assert threading.enumerate() == before
        assert get_current_tracker() is sampler
        with step:
            assert sampler.current_state() is step
        sampler.stop_if_still_running()
        assert get_current_tracker() is None
        assert sampler.finished
