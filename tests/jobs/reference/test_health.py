"""What is wrong with connections, against what their messages were made to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.pipeline.result_tables import HEALTH_EVENTS, RESULT_TABLES, Column
from jobs.reference.health import health_events, health_rows
from jobs.reference.scored_windows import PartitionMessages
from udfs.schema import MISSING, MsgType, Session

S = 10**9


def session(
    times_s: Sequence[float], *, seqs: Sequence[int | None] | None = None, heartbeats: Sequence[int] = ()
) -> Session:
    """Make a session from times, numbers and the places of heartbeats."""
    n = len(times_s)
    none = np.full(n, MISSING)
    numbers = none if seqs is None else np.array([MISSING if seq is None else seq for seq in seqs])
    types = np.zeros(n, dtype=np.int64)
    types[list(heartbeats)] = MsgType.HEARTBEAT
    return Session(
        connection_id="c",
        declared_exchange=None,
        recv_ts_ns=np.array([round(time_s * S) for time_s in times_s], dtype=np.int64),
        exchange_ts_ns=none,
        msg_type=types,
        seq=numbers,
        request_id=none,
        payload_bytes=none,
    )


def numbered(seqs: Sequence[int | None]) -> list[dict[str, Any]]:
    """Examine a session of one message a second with these numbers, offsets from 1000."""
    one = session(range(len(seqs)), seqs=seqs)
    return health_events(one, np.arange(1000, 1000 + len(seqs)))


def timed(times_s: Sequence[float], heartbeats: Sequence[int] = ()) -> list[dict[str, Any]]:
    return health_events(session(times_s, heartbeats=heartbeats), np.arange(len(times_s)))


# 200 steps of one take 201 numbers.
PROMISE = list(range(201))


@pytest.mark.parametrize(
    ("seq", "kind", "n_missing"), [(201, None, None), (206, "gap", 5), (200, "repeat", None), (190, "reset", None)]
)
def test_a_number_that_is_not_the_next_after_200_steps_of_one(
    seq: int, kind: str | None, n_missing: int | None
) -> None:
    assert [event["kind"] for event in numbered([*PROMISE[1:], seq])] == []
    events = numbered([*PROMISE, None, seq])
    assert [event["kind"] for event in events] == ([kind] if kind else [])
    for event in events:
        assert event == {
            "kind": kind,
            "since_at": "1970-01-01T00:03:20.000000Z",
            "since_offset": 1200,
            "detected_at": "1970-01-01T00:03:22.000000Z",
            "kafka_offset": 1202,
            "messages": 203,
            "seq_before": 200,
            "seq": seq,
            "n_missing": n_missing,
            "silence_s": None,
            "limit_s": None,
            "rate_before": None,
            "rate_now": None,
            "score": None,
        }


def test_after_a_fault_the_promise_is_learnt_anew() -> None:
    again = list(range(300, 501))
    assert [event["kind"] for event in numbered([*PROMISE, *again[1:], 600])] == ["gap"]
    assert [event["kind"] for event in numbered([*PROMISE, *again, 600])] == ["gap", "gap"]


def test_numbers_that_only_rise_promise_to_rise_after_2000_steps() -> None:
    rising = list(range(0, 4002, 2))
    assert len(rising) == 2001
    assert numbered([*rising[1:], 4000]) == []
    assert numbered([*rising, 4100]) == []
    assert [event["kind"] for event in numbered([*rising, 4000])] == ["repeat"]
    assert [event["kind"] for event in numbered([*rising, 3998])] == ["reset"]


def test_interleaved_streams_promise_only_not_to_go_below_where_they_began() -> None:
    interleaved = [number for n in range(500) for number in (500 + n, 90_000 + n)]
    assert numbered([*interleaved, 500, 90_500, 505]) == []
    assert [event["kind"] for event in numbered([*interleaved, 499])] == ["reset"]
    assert numbered([*interleaved[1:], 499]) == []


def test_numbers_at_the_ends_of_64_bits() -> None:
    low, high = -(2**63) + 1, 2**63 - 1
    (event,) = numbered([*range(low, low + 201), high])
    assert (event["kind"], event["n_missing"]) == ("gap", 2**63 - 1)
    (event,) = numbered([*range(high - 200, high + 1), low])
    assert (event["kind"], event["seq_before"], event["n_missing"]) == ("reset", high, None)


def test_a_stall_is_five_seconds_or_four_times_the_longest_pause() -> None:
    fast = [n / 10 for n in range(201)]
    assert timed([*fast, fast[-1] + 5]) == []
    assert timed([*fast[1:], fast[-1] + 5.1]) == []
    (event,) = timed([*fast, fast[-1] + 5.1])
    assert (event["kind"], event["silence_s"], event["limit_s"]) == ("stall", 5.1, 5.0)
    assert (event["since_offset"], event["kafka_offset"]) == (200, 201)
    slow = [2.0 * n for n in range(201)]
    assert timed([*slow, slow[-1] + 8]) == []
    (event,) = timed([*slow, slow[-1] + 8.5])
    assert (event["silence_s"], event["limit_s"]) == (8.5, 8.0)


def test_a_long_pause_counts_for_one_to_two_thousand_others() -> None:
    """The first pause is of 4 s, and lies in the first block: up to the 2,000th pause the limit is 16 s."""
    times_s = [0.0, *(4 + n / 10 for n in range(2_000))]
    assert timed([*times_s[:-1], times_s[-2] + 10]) == []
    (event,) = timed([*times_s, times_s[-1] + 10])
    assert event["limit_s"] == 5.0


def test_after_a_stall_the_intervals_are_learnt_anew() -> None:
    fast = [n / 10 for n in range(201)]
    again = [100 + n / 10 for n in range(201)]
    assert len(timed([*fast, *again[:-1], 200.0])) == 1
    assert len(timed([*fast, *again, 200.0])) == 2


def test_an_idle_gap_that_begins_a_segment_is_no_event_and_forgets_everything() -> None:
    times_s = [*(n / 10 for n in range(500)), 3_700.0]
    events = health_events(session(times_s, seqs=[*range(500), 900]), np.arange(501))
    assert events == []


def beats(n: int, pause_s: float = 1.0) -> list[float]:
    return [number * pause_s for number in range(1, n + 1)]


def merged(data_s: Sequence[float], heartbeats_s: Sequence[float]) -> list[dict[str, Any]]:
    """Examine data and heartbeats in the order of their times."""
    order = sorted([(t, 0) for t in data_s] + [(t, 1) for t in heartbeats_s])
    return timed([t for t, _ in order], [n for n, (_, is_heartbeat) in enumerate(order) if is_heartbeat])


def test_steady_heartbeats_that_end_while_data_come() -> None:
    data_s = [0.05 + n / 10 for n in range(270)]
    # The 21st heartbeat is the 20th with data before it; the last data are 5.95 s after it.
    (event,) = merged(data_s, beats(21))
    assert (event["kind"], event["since_at"]) == ("heartbeat_stall", "1970-01-01T00:00:21.000000Z")
    assert (event["silence_s"], event["limit_s"]) == (5.05, 5.0)
    assert merged(data_s[:-10], beats(20)) == []


def test_heartbeats_that_come_only_when_there_is_nothing_else_are_no_contract() -> None:
    """Each comes one second after the last message, so busy stretches of any length have none."""
    rng = np.random.default_rng(3)
    data_s, heartbeats_s, now_s = [], [], 0.0
    for busy_s, quiet_s in zip(rng.exponential(2, 100), rng.exponential(4, 100), strict=True):
        data_s += (now_s + np.arange(0, busy_s, 0.1)).tolist()
        heartbeats_s += (data_s[-1] + np.arange(1.0, quiet_s)).tolist()
        now_s = data_s[-1] + quiet_s
    data_s += (now_s + np.arange(0, 30, 0.1)).tolist()
    assert [e["kind"] for e in merged(data_s, heartbeats_s) if e["kind"] == "heartbeat_stall"] == []


def test_data_that_end_while_heartbeats_come() -> None:
    data_s = [0.05 + n / 10 for n in range(201)]
    (event,) = merged(data_s, beats(40))
    assert (event["kind"], event["since_at"]) == ("data_stall", "1970-01-01T00:00:20.050000Z")
    assert (event["silence_s"], event["limit_s"]) == (5.95, 5.0)


@given(st.integers(0, 10**6), st.integers(201, 260))
def test_examining_the_rest_changes_nothing_before(seed: int, n: int) -> None:
    """What a prefix shows is what the whole shows up to there."""
    rng = np.random.default_rng(seed)
    times_s = np.cumsum(rng.choice([0.1, 0.1, 0.1, 4.0, 30.0], 400, p=[0.4, 0.3, 0.28, 0.01, 0.01])).tolist()
    seqs = np.cumsum(rng.choice([1, 0, -3, 7], 400, p=[0.985, 0.005, 0.005, 0.005])).tolist()
    heartbeats = np.flatnonzero(rng.random(400) < 0.1).tolist()
    whole = health_events(session(times_s, seqs=seqs, heartbeats=heartbeats), np.arange(400))
    prefix = session(times_s[:n], seqs=seqs[:n], heartbeats=[place for place in heartbeats if place < n])
    assert health_events(prefix, np.arange(n)) == [event for event in whole if event["kafka_offset"] < n]


def test_a_column_that_is_not_computed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    one = session(range(202), seqs=[*PROMISE, 206])
    messages = PartitionMessages(
        kafka_partition=2,
        connection_ids=np.array(["c"], dtype=object),
        lengths=np.array([202]),
        columns={
            "recv_ts_ns": one.recv_ts_ns,
            "msg_type": one.msg_type,
            "seq": one.seq,
            "prev_seq": one.prev_seq,
            "kafka_offset": np.arange(202),
        },
        declared=np.array(["kraken"] * 202, dtype=object),
    )
    table = RESULT_TABLES[HEALTH_EVENTS]
    rows = health_rows(messages)
    assert tuple(rows) == table.results
    assert {name: rows[name] for name in ("kind", "kafka_offset", "n_missing", "silence_s")} == {
        "kind": ["gap"],
        "kafka_offset": [201],
        "n_missing": [5],
        "silence_s": [None],
    }
    monkeypatch.setitem(
        RESULT_TABLES, HEALTH_EVENTS, replace(table, columns={**table.columns, "mood": Column("STRING")})
    )
    with pytest.raises(ValueError, match="columns of health_events, found mood missing and none superfluous"):
        health_rows(messages)
