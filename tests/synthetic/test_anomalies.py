from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic.anomalies import AnomalyKind, Injected, drop, duplicate, reconnect, rejects, reorder, stall, switch
from synthetic.generate import generate_session
from synthetic.profiles import profile
from udfs.errors import ConfigError
from udfs.schema import SESSION_COLUMNS, MsgType, Session

Row = tuple[int, ...]
N = 300
SETTINGS = settings(max_examples=60)
RANGE = st.tuples(st.integers(1, N - 2), st.integers(1, N - 2)).map(sorted)
SHARE = st.floats(0.01, 1.0)
SEED = st.integers(0, 2**32 - 1)


def draw(name: str, seed: int = 0) -> Session:
    return generate_session(
        profile(name),
        rng=np.random.default_rng(seed),
        start_ns=1_700_000_000_000_000_000,
        connection_id="conn-0001-00ff",
        declared_exchange=profile(name).exchange,
        n_messages=N,
    )


ORDERS = draw("kraken-orders")
MARKET = draw("binance-spot-market")


def rows(session: Session) -> list[Row]:
    return list(zip(*(getattr(session, name).tolist() for name in SESSION_COLUMNS), strict=True))


def without_time(session: Session) -> list[Row]:
    assert SESSION_COLUMNS[0] == "recv_ts_ns"
    return [row[1:] for row in rows(session)]


def only_session(injected: Injected) -> Session:
    (session,) = injected.sessions
    return session


def check_label(injected: Injected, kind: AnomalyKind) -> None:
    label, session = injected.label, injected.sessions[0]
    assert label.kind == kind
    assert label.first_recv_ts_ns == session.recv_ts_ns[label.first_index]
    assert label.last_recv_ts_ns == session.recv_ts_ns[label.last_index]
    assert 0 <= label.first_index <= label.last_index < len(session)


@SETTINGS
@given(RANGE, SHARE, SEED)
def test_drop_loses_what_it_says_and_nothing_else(span: list[int], share: float, seed: int) -> None:
    first, last = span
    injected = drop(MARKET, first=first, last=last, share=share, rng=np.random.default_rng(seed))
    kept, before = rows(only_session(injected)), rows(MARKET)
    # In order, every kept row is found in the original; what is skipped lies in the range.
    position, skipped = 0, []
    for row in kept:
        while before[position] != row:
            skipped.append(position)
            position += 1
        position += 1
    assert position == len(before)
    assert len(skipped) == injected.label.parameters["n_touched"] == max(1, round(share * (last - first + 1)))
    assert all(first <= i <= last for i in skipped)
    assert kept[: injected.label.first_index + 1] == before[:first]
    assert kept[injected.label.last_index :] == before[last + 1 :]
    check_label(injected, AnomalyKind.DROP)


@SETTINGS
@given(RANGE, SHARE, SEED)
def test_duplicate_repeats_what_it_says_and_nothing_else(span: list[int], share: float, seed: int) -> None:
    first, last = span
    injected = duplicate(MARKET, first=first, last=last, share=share, rng=np.random.default_rng(seed))
    once, repeated = [], 0
    before = rows(MARKET)
    for row in rows(only_session(injected)):
        if once and row == once[-1] and (len(once) >= len(before) or row != before[len(once)]):
            repeated += 1
            assert first <= len(once) - 1 <= last
        else:
            once.append(row)
    assert once == before
    assert repeated == injected.label.parameters["n_touched"]
    assert injected.label.last_index == last + repeated
    check_label(injected, AnomalyKind.DUPLICATE)


@SETTINGS
@given(RANGE, st.integers(1, 20), SEED)
def test_reorder_moves_messages_within_reach_and_keeps_the_clock(span: list[int], distance: int, seed: int) -> None:
    first, last = span
    marked = replace(MARKET, payload_bytes=np.arange(N))
    injected = reorder(marked, first=first, last=last, distance=distance, rng=np.random.default_rng(seed))
    session = only_session(injected)
    assert session.recv_ts_ns.tolist() == marked.recv_ts_ns.tolist()
    assert sorted(without_time(session)) == sorted(without_time(marked))
    original = without_time(marked)
    moved = 0
    for place, row in enumerate(without_time(session)):
        origin = row[SESSION_COLUMNS.index("payload_bytes") - 1]
        assert original[origin] == row
        assert origin == place or first <= place <= last
        # Fewer than distance + 1 messages overtake one, and it overtakes no more.
        assert abs(origin - place) <= distance
        moved += origin != place
    assert moved == injected.label.parameters["n_touched"]
    check_label(injected, AnomalyKind.REORDER)


@SETTINGS
@given(st.integers(0, N - 1), st.floats(0.001, 500.0))
def test_stall_delays_and_then_delivers_everything(first: int, duration_s: float) -> None:
    injected = stall(MARKET, first=first, duration_s=duration_s)
    session = only_session(injected)
    assert without_time(session) == without_time(MARKET)
    release = int(MARKET.recv_ts_ns[first]) + round(duration_s * 1e9)
    before, after = MARKET.recv_ts_ns.tolist(), session.recv_ts_ns.tolist()
    assert after[first] == release
    for i in range(N):
        held = injected.label.first_index <= i <= injected.label.last_index
        assert (after[i] > before[i]) if held else (after[i] == before[i])
        assert i == 0 or after[i] >= after[i - 1]
    assert injected.label.first_index == first
    check_label(injected, AnomalyKind.STALL)


@SETTINGS
@given(SHARE, SEED)
def test_rejects_turn_acknowledgements_and_nothing_else(share: float, seed: int) -> None:
    first, last = 50, 250
    injected = rejects(ORDERS, first=first, last=last, share=share, rng=np.random.default_rng(seed))
    session = only_session(injected)
    turned = 0
    for i, (before, after) in enumerate(zip(rows(ORDERS), rows(session), strict=True)):
        if before != after:
            turned += 1
            assert first <= i <= last
            assert ORDERS.msg_type[i] == MsgType.ACK
            assert session.msg_type[i] == MsgType.NACK
    n_acks = sum(1 for t in ORDERS.msg_type[first : last + 1] if t == MsgType.ACK)
    assert turned == injected.label.parameters["n_touched"] == max(1, round(share * n_acks))
    unchanged = [name for name in SESSION_COLUMNS if name != "msg_type"]
    assert all(getattr(session, name).tolist() == getattr(ORDERS, name).tolist() for name in unchanged)
    check_label(injected, AnomalyKind.REJECTS)


@SETTINGS
@given(st.integers(1, N - 2), st.floats(0.0, 60.0))
def test_reconnect_makes_two_sessions_of_one(at: int, gap_s: float) -> None:
    injected = reconnect(MARKET, at=at, gap_s=gap_s, connection_id="conn-0002-beef")
    before, after = injected.sessions
    assert (before.connection_id, after.connection_id) == ("conn-0001-00ff", "conn-0002-beef")
    assert before.declared_exchange == after.declared_exchange == "binance"
    assert rows(before) == rows(MARKET)[:at]
    assert without_time(after) == without_time(MARKET)[at:]
    shifts = {int(t) - int(u) for t, u in zip(after.recv_ts_ns, MARKET.recv_ts_ns[at:], strict=True)}
    assert shifts == {round(gap_s * 1e9)}
    check_label(injected, AnomalyKind.RECONNECT)


@SETTINGS
@given(st.integers(1, N - 2), st.floats(0.0, 60.0))
def test_switch_keeps_name_and_clock_and_changes_the_voice(at: int, gap_s: float) -> None:
    injected = switch(MARKET, ORDERS, at=at, exchange="kraken", gap_s=gap_s)
    session = only_session(injected)
    assert (session.connection_id, session.declared_exchange) == ("conn-0001-00ff", "binance")
    assert rows(session)[:at] == rows(MARKET)[:at]
    assert without_time(session)[at:] == without_time(ORDERS)
    gaps_before = [int(b) - int(a) for a, b in zip(ORDERS.recv_ts_ns, ORDERS.recv_ts_ns[1:], strict=False)]
    gaps_after = [int(b) - int(a) for a, b in zip(session.recv_ts_ns[at:], session.recv_ts_ns[at + 1 :], strict=False)]
    assert gaps_before == gaps_after
    assert int(session.recv_ts_ns[at]) - int(session.recv_ts_ns[at - 1]) == round(gap_s * 1e9)
    assert injected.label.parameters["exchange"] == "kraken"
    assert (injected.label.first_index, injected.label.last_index) == (at, len(session) - 1)
    check_label(injected, AnomalyKind.SWITCH)


def test_faults_compose_and_leave_their_input_alone() -> None:
    untouched = rows(MARKET)
    rng = np.random.default_rng(1)
    first = drop(MARKET, first=50, last=99, share=0.5, rng=rng)
    second = stall(only_session(first), first=150, duration_s=30.0)
    third = duplicate(only_session(second), first=10, last=19, share=1.0, rng=rng)
    assert len(only_session(third)) == N - 25 + 10
    assert [i.label.kind for i in (first, second, third)] == ["drop", "stall", "duplicate"]
    assert rows(MARKET) == untouched


def test_labels_stay_out_of_the_session() -> None:
    for injected in (stall(MARKET, first=5, duration_s=1.0), switch(MARKET, ORDERS, at=9, exchange="kraken")):
        assert "kraken" not in repr(only_session(injected))
        assert only_session(injected).connection_id == MARKET.connection_id


def test_a_range_outside_the_session_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ConfigError, match="between 1 and 298, found 0 to 10"):
        drop(MARKET, first=0, last=10, share=0.5, rng=rng)
    with pytest.raises(ConfigError, match="between 0 and 299, found 10 to 300"):
        duplicate(MARKET, first=10, last=300, share=0.5, rng=rng)
    with pytest.raises(ConfigError, match="a share above 0"):
        drop(MARKET, first=1, last=10, share=0.0, rng=rng)
    with pytest.raises(ConfigError, match="found none in messages"):
        rejects(MARKET, first=100, last=200, share=0.5, rng=rng)
    with pytest.raises(ConfigError, match="distance"):
        reorder(MARKET, first=1, last=2, distance=0, rng=rng)
    with pytest.raises(ConfigError, match="duration_s"):
        stall(MARKET, first=1, duration_s=0.0)
    with pytest.raises(ConfigError, match="gap_s"):
        reconnect(MARKET, at=5, gap_s=-1.0, connection_id="c")
