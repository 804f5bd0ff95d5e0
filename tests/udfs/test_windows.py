"""Windows against a naive counter, and the wire layout against a layout built by hand.

message   1 ..... 25 ..... 50 ..... 75
window 0  [------------------]
window 1          [------------------]
"""

import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.errors import SchemaError
from udfs.schema import SESSION_COLUMNS, WINDOW_COLUMNS, Session
from udfs.windows import WIRE_COLUMNS, WIRE_LENGTH, count_windows, decode_windows, segments, session_windows, slide


def naive_window_starts(n_messages):
    """Walk through the messages one by one, as the job does, and note where a window is complete."""
    starts = []
    for position in range(1, n_messages + 1):
        if position >= 50 and position % 25 == 0:
            starts.append(position - 50)
    return starts


@given(st.integers(0, 1000))
def test_windows_are_those_of_a_naive_counter(n_messages):
    windows = slide(np.arange(n_messages))
    starts = naive_window_starts(n_messages)
    assert count_windows(n_messages) == len(starts) == len(windows)
    assert windows.shape == (len(starts), 50)
    for start, window in zip(starts, windows, strict=True):
        assert window.tolist() == list(range(start, start + 50))


def naive_wire(messages):
    """Lay out 50 messages one after the other, with plain loops."""
    flat = []
    for message in messages:
        for column in range(len(WIRE_COLUMNS)):
            flat.append(message[column])
    return struct.pack(f"<{WIRE_LENGTH}q", *flat)


@pytest.mark.parametrize("n_windows", [0, 1, 3])
def test_decoding_inverts_the_wire_layout(n_windows):
    rng = np.random.default_rng(5)
    messages = rng.integers(-(2**63), 2**63 - 1, size=(n_windows, 50, len(WIRE_COLUMNS)), dtype=np.int64)
    windows, offsets = decode_windows(b"".join(naive_wire(window.tolist()) for window in messages))
    for i, name in enumerate(WINDOW_COLUMNS):
        np.testing.assert_array_equal(getattr(windows, name), messages[:, :, i])
    np.testing.assert_array_equal(offsets, messages[:, :, -1])


def test_a_wire_of_another_length_is_refused():
    with pytest.raises(SchemaError, match=f"windows of {WIRE_LENGTH} integers"):
        decode_windows(bytes(8 * WIRE_LENGTH + 8))


def test_a_session_with_columns_of_different_length_is_refused():
    columns = dict.fromkeys(
        ("recv_ts_ns", "exchange_ts_ns", "msg_type", "seq", "request_id"), np.zeros(60, dtype=np.int64)
    )
    with pytest.raises(SchemaError, match="payload_bytes"):
        Session(connection_id="c", declared_exchange=None, **columns, payload_bytes=np.zeros(59, dtype=np.int64))


def test_windows_of_a_session_hold_behaviour_only():
    columns = {name: np.arange(75) for name in ("recv_ts_ns", "exchange_ts_ns", "seq", "request_id", "payload_bytes")}
    session = Session(connection_id="c", declared_exchange="kraken", msg_type=np.zeros(75, dtype=np.int64), **columns)
    windows = session_windows(session)
    assert set(vars(windows)) == {"recv_ts_ns", "exchange_ts_ns", "seq", "request_id", "msg_type", "payload_bytes"}
    assert len(windows) == 2
    linked = session_windows(replace(session, prev_seq=np.arange(75) - 1))
    for name in WINDOW_COLUMNS:
        np.testing.assert_array_equal(getattr(linked, name), getattr(windows, name))


def naive_segments(times, silence):
    """Walk through the messages one by one and note which follow each other closely enough."""
    found = []
    for position, time in enumerate(times):
        if position == 0 or time - times[position - 1] > silence:
            found.append([])
        found[-1].append(position)
    return found


@given(st.lists(st.integers(0, 40)), st.integers(1, 30))
def test_segments_are_those_of_a_naive_walk(times, silence):
    parts = segments(np.array(times, dtype=np.int64), silence)
    assert [list(range(len(times)))[part] for part in parts] == naive_segments(times, silence)


@given(st.lists(st.integers(0, 130), max_size=4))
def test_windows_never_span_a_silence(lengths):
    """Of several segments each makes windows alone: ......|...... and nothing across the bar."""
    times = np.concatenate([np.arange(n) + 10**6 * i for i, n in enumerate(lengths, start=1)] or [np.empty(0)])
    columns = {name: times.astype(np.int64) for name in SESSION_COLUMNS}
    windows = session_windows(Session(connection_id="c", declared_exchange=None, **columns), 10**5)
    starts = [10**6 * i + start for i, n in enumerate(lengths, start=1) for start in naive_window_starts(n)]
    assert windows.recv_ts_ns.tolist() == [list(range(start, start + 50)) for start in starts]
