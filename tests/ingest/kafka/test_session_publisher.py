"""What can be said without a broker: how sessions are merged, and what is refused."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.kafka.broker import ensure_topics
from ingest.kafka.session_publisher import merge, publish
from udfs.errors import ConfigError
from udfs.schema import MISSING, Session


def make_session(name: str, times_ns: list[int]) -> Session:
    missing = np.full(len(times_ns), MISSING)
    return Session(
        connection_id=name,
        declared_exchange=None,
        recv_ts_ns=np.array(times_ns, dtype=np.int64),
        exchange_ts_ns=missing,
        msg_type=np.zeros(len(times_ns), dtype=np.int64),
        seq=missing,
        request_id=missing,
        payload_bytes=missing,
    )


@given(st.lists(st.lists(st.integers(0, 20)), max_size=5))
def test_merging_takes_the_earliest_next_message_of_all_sessions(times_ns: list[list[int]]) -> None:
    heads = [[(at_ns, number) for at_ns in one] for number, one in enumerate(times_ns)]
    expected = [number for _, number in heapq.merge(*heads, key=lambda head: head[0])]
    turns, clocks_ns = merge([make_session(f"c{number}", one) for number, one in enumerate(times_ns)])
    assert turns.tolist() == expected
    assert (np.diff(clocks_ns) >= 0).all()


def test_a_clock_that_goes_back_waits_for_nothing() -> None:
    """Session 0 is at 5, back to 1, then at 9; session 1 at 2 and 6."""
    turns, clocks_ns = merge([make_session("a", [5, 1, 9]), make_session("b", [2, 6])])
    assert turns.tolist() == [1, 0, 0, 1, 0]
    assert clocks_ns.tolist() == [2, 5, 5, 6, 9]


def test_two_connections_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="'twin' twice"):
        publish([make_session("twin", [1]), make_session("twin", [2])], bootstrap_servers="k:1", topic="t")


@pytest.mark.parametrize("address", ["", "kafka", "kafka:9092x", "kafka:70000", "a:1,b", "a:1, b:2", "http://a"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="Expected Kafka's address as host:port"):
        publish([make_session("c", [1])], bootstrap_servers=address, topic="t")
    with pytest.raises(ConfigError, match="Expected Kafka's address as host:port"):
        ensure_topics(address, ["t"], 1)
