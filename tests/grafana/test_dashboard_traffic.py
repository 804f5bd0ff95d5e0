"""The traffic that pictures of the dashboards are taken with."""

from __future__ import annotations

import time

import pytest

from fingerprint_testing.dashboard_traffic import alarming, busy, faster


def test_ordinary_traffic_is_what_it_declares() -> None:
    start_ns = time.time_ns()
    sessions = busy(start_ns, 30)
    assert len({session.connection_id for session in sessions}) == len(sessions) == 12
    assert sum(session.declared_exchange is None for session in sessions) == 2
    assert all(start_ns <= session.recv_ts_ns[0] <= session.recv_ts_ns[-1] for session in sessions)


def test_alarming_traffic_lasts_as_long_but_for_one_that_stops() -> None:
    start_ns = time.time_ns()
    sessions = alarming(start_ns, 90)
    assert len({session.connection_id for session in sessions}) == len(sessions) == 20
    ends_s = sorted((session.recv_ts_ns[-1] - start_ns) / 1e9 for session in sessions)
    assert ends_s[0] < 70
    assert ends_s[2] > 60


def test_a_session_twice_as_fast_takes_half_the_time() -> None:
    (session, *_) = busy(0, 30)
    at = len(session) // 2
    rest_ns = session.recv_ts_ns[-1] - session.recv_ts_ns[at]
    twice = faster(session, at=at, factor=2)
    assert twice.recv_ts_ns[-1] - twice.recv_ts_ns[at] == pytest.approx(rest_ns / 2, abs=2)
