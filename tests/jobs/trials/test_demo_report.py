"""A demo's report against a case counted by hand."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from jobs.results.connections import ConnectionStatus
from jobs.trials.demo_report import DemoReport, draw_demo_sessions
from synthetic.sessions import synthetic_sessions
from udfs.schema import EXCHANGES

START_NS = 1_790_000_000_000_000_000


def found(connection_id: str, declared: str, detected: str) -> ConnectionStatus:
    return ConnectionStatus(
        connection_id=connection_id,
        declared_exchange=declared,
        detected_exchange=detected,
        certainty="certain",
        probability=0.9,
        mismatch=declared != detected,
        since_at=datetime(2026, 1, 1, 12, 30, tzinfo=UTC),
        windows=3,
        messages=100,
        messages_per_second=5.0,
        last_seen_at=datetime(2026, 1, 1, tzinfo=UTC),
        signature="xf1-N-t0-h1s-sc",
        reason="4% of messages are heartbeats; coinbase: none" if declared != detected else None,
    )


def test_times_are_those_of_the_first_result_and_of_the_last_right_one() -> None:
    report = DemoReport(truths={"a": "binance", "b": "kraken"})
    report = report.updated([], 1.0)
    assert report.seconds_to_first_result is None
    report = report.updated([found("a", "binance", "binance")], 2.0)
    report = report.updated([found("a", "binance", "binance"), found("b", "coinbase", "unknown")], 3.0)
    assert (report.seconds_to_first_result, report.seconds_to_all_right, report.n_right) == (2.0, None, 1)
    report = report.updated([found("a", "binance", "binance"), found("b", "coinbase", "kraken")], 4.0)
    report = report.updated([found("a", "binance", "binance"), found("b", "coinbase", "kraken")], 5.0)
    assert (report.seconds_to_first_result, report.seconds_to_all_right, report.is_all_right) == (2.0, 4.0, True)
    assert report.remarks() == [
        "First result after 2 s.",
        "b declares coinbase, behaves like kraken since 12:30:00: 4% of messages are heartbeats; coinbase: none.",
    ]
    laid_out = report.to_json()
    assert (laid_out["connections_right"], laid_out["mismatches_found"], laid_out["windows"]) == (2, 1, 6)


def test_one_connection_of_the_demo_lies_and_names_say_nothing() -> None:
    drawn = draw_demo_sessions(per_exchange=2, seed=1, start_ns=START_NS, duration_s=5)
    lies = [labelled for labelled in drawn if labelled.session.declared_exchange != labelled.exchange]
    assert len(lies) == 1
    names = [labelled.session.connection_id for labelled in drawn]
    assert len(set(names)) == len(names) == 6
    assert not any(exchange in name for exchange in EXCHANGES for name in names)
    later = draw_demo_sessions(per_exchange=2, seed=1, start_ns=START_NS + 60 * 10**9, duration_s=5)
    assert not {labelled.session.connection_id for labelled in later} & set(names)


def test_a_demo_leaves_out_feeds_that_say_next_to_nothing_in_its_time() -> None:
    # Among four sessions of each exchange, some have fewer than 100 messages in 40 s: the next ones take their places.
    drawn = draw_demo_sessions(per_exchange=4, seed=1, start_ns=START_NS, duration_s=40)
    assert Counter(labelled.exchange for labelled in drawn) == dict.fromkeys(EXCHANGES, 4)
    assert all(len(labelled.session) >= 100 for labelled in drawn)
    first = synthetic_sessions(per_exchange=4, seed=1, start_ns=START_NS, duration_s=40)
    assert not all(len(labelled.session) >= 100 for labelled in first)
