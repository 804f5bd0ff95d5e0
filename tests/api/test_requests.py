"""What is no message for the topic is none here, for the same reason; and bodies are bounded before they are parsed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.problems import Refused
from api.requests import MAX_MESSAGES, depth, depth_of, read_session, read_windows
from ingest.kafka.record_validity import MAX_DEPTH, check_record
from udfs.schema import MISSING

GOOD: dict[str, Any] = {"connection_id": "c", "recv_ts_ns": 10**18, "msg_type": "NEW"}
FRAME: dict[str, Any] = {"ts_ns": 10**18, "dir": "recv", "frame": "{}"}


def refusal(text: str | bytes) -> Refused:
    with pytest.raises(Refused) as refused:
        read_session(text.encode() if isinstance(text, str) else text)
    return refused.value


def reason_of(message: str) -> str | None:
    """Return why a message is refused, None if it is not."""
    try:
        read_session(b'{"messages": [' + message.encode() + b"]}")
    except Refused as refused:
        return refused.problems[0]["reason"] if refused.problems else refused.detail
    return None


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**64), 2**64),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=140),
    st.sampled_from(["NEW", "ACK", "HEARTBEAT", "TRADE", 10**18, "\u202e", "", "\x00", [], {}, [[1]]]),
)
FIELDS = ("recv_ts_ns", "msg_type", "exchange_ts_ns", "seq", "prev_seq", "request_id", "payload_bytes", "further")


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(FIELDS), ODD, max_size=4), st.booleans())
def test_a_message_is_judged_as_in_the_topic(changes: dict[str, Any], keeps_rest: bool) -> None:
    message = json.dumps({**GOOD, **changes} if keeps_rest else {"connection_id": "c", **changes})
    assert reason_of(message) == check_record(b"c", message.encode())


@pytest.mark.parametrize(
    "message",
    [
        '{"connection_id": "c", "recv_ts_ns": 1000000000000000000.0, "msg_type": "NEW"}',
        '{"connection_id": "c", "recv_ts_ns": 1e18, "msg_type": "NEW"}',
        '{"connection_id": "c", "recv_ts_ns": 1e999, "msg_type": "NEW"}',
        '{"connection_id": "c", "recv_ts_ns": -1e999, "msg_type": "NEW"}',
        f'{{"connection_id": "c", "recv_ts_ns": {"9" * 5000}, "msg_type": "NEW"}}',
        f'{{"connection_id": "c", "recv_ts_ns": 1000000000000000000, "msg_type": "NEW", "seq": {2**63}}}',
        f'{{"connection_id": "c", "recv_ts_ns": 1000000000000000000, "msg_type": "NEW", "seq": {MISSING}}}',
        f'{{"connection_id": "c", "recv_ts_ns": 1000000000000000000, "msg_type": "NEW", "x": {"9" * 5000}}}',
        '{"connection_id": "c", "recv_ts_ns": 1000000000000000000, "msg_type": "NEW", "x": "\\ud800"}',
        '{"connection_id": "c", "recv_ts_ns": 1000000000000000000, "msg_type": "NEW", "declared_exchange": "\\ud800"}',
        '{"connection_id": "c", "recv_ts_ns": 1000000000000000000, "msg_type": "NEW", "msg_type": "ACK"}',
        f'{{"connection_id": "c", "recv_ts_ns": 1000000000000000000, "msg_type": "NEW", "x": "{"y" * 2**16}"}}',
        '{"connection_id": "c", "recv_ts_ns": 1000000000000000000, "msg_type": "NEW", "x": '
        f"{'[' * (MAX_DEPTH - 1)}{']' * (MAX_DEPTH - 1)}}}",
        '{"connection_id": "c", "recv_ts_ns": 1000000000000000000, "msg_type": "NEW", "x": '
        f"{'[' * MAX_DEPTH}{']' * MAX_DEPTH}}}",
        "[]",
        "null",
        '"message"',
    ],
)
def test_so_are_messages_that_parsers_differ_about(message: str) -> None:
    assert reason_of(message) == check_record(b"c", message.encode())


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ("", 400, "not one JSON value"),
        ("{", 400, "not one JSON value"),
        ('{"messages": [NaN]}', 400, "not one JSON value"),
        ('{"messages": [Infinity]}', 400, "not one JSON value"),
        ("{} {}", 400, "not one JSON value"),
        (b'\xef\xbb\xbf{"messages": []}', 400, "not one JSON value"),
        ('{"messages": []}'.encode("utf-16"), 400, "not one JSON value"),
        (b'{"messages": ["\xff"]}', 400, "not one JSON value"),
        ('{"messages": ' + "[" * 200_000, 400, "nested deeper"),
        ('{"messages": ' + "[" * 200_000 + "]" * 200_000 + "}", 400, "nested deeper"),
        ("[]", 422, "not a JSON object"),
        ("1e999", 422, "not a JSON object"),
        ("{}", 422, "Either messages or frames"),
        (json.dumps({"messages": [GOOD], "frames": [FRAME]}), 422, "Either messages or frames"),
        (json.dumps({"messages": []}), 422, "messages is not an array with something in it"),
        (json.dumps({"messages": {"0": GOOD}}), 422, "messages is not an array"),
        (json.dumps({"messages": [GOOD], "model": "/etc"}), 422, "'model' is nothing that can be asked for"),
        (json.dumps({"messages": [GOOD, {**GOOD, "connection_id": "d"}]}), 422, "message 1, from 0: connection_id"),
        (json.dumps({"messages": [0] * (MAX_MESSAGES + 1)}), 413, "more than 50,000"),
        (json.dumps({"frames": [{**FRAME, "dir": "in"}]}), 422, "frame 0, from 0: no dir"),
        (json.dumps({"frames": [{**FRAME, "ts_ns": 10**18 + 0.5}]}), 422, "frame 0, from 0: no ts_ns"),
        (json.dumps({"frames": [{**FRAME, "ts_ns": 1}]}), 422, "ts_ns is not an integer of nanoseconds from"),
        (json.dumps({"frames": [{**FRAME, "text": 1}]}), 422, "more than ts_ns, dir and frame"),
        (json.dumps({"frames": [FRAME], "connection_id": ""}), 422, "connection_id is not a string of 1 to 128"),
        (json.dumps({"frames": [FRAME], "declared_exchange": 7}), 422, "declared_exchange is not a string"),
    ],
)  # fmt: skip
def test_a_body_is_refused(body: str | bytes, status: int, detail: str) -> None:
    refused = refusal(body)
    assert (refused.status, detail in refused.detail) == (status, True), refused.detail


def test_the_first_wrong_messages_are_named() -> None:
    refused = refusal(json.dumps({"messages": [GOOD, *[{**GOOD, "seq": "1"}] * 30]}))
    assert [problem["index"] for problem in refused.problems] == list(range(1, 21))
    assert {problem["reason"] for problem in refused.problems} == {"seq is not a 64-bit integer"}


@pytest.mark.parametrize(
    ("windows", "detail"),
    [
        ([], "windows is not an array with something in it"),
        ([[GOOD] * 49], "windows[0] is not an array of 50 messages"),
        ([[GOOD] * 50, 7], "windows[1] is not an array of 50 messages"),
        ([[GOOD] * 50, [GOOD] * 49 + [{**GOOD, "connection_id": "d"}]], "message 99, from 0: connection_id"),
        ([[GOOD] * 50, [GOOD] * 49 + [{}]], "message 99, from 0: no connection_id"),
    ],
)
def test_windows_that_are_none_are_refused(windows: list[Any], detail: str) -> None:
    with pytest.raises(Refused) as refused:
        read_windows(json.dumps({"windows": windows}).encode())
    assert detail in refused.value.detail


def test_windows_may_be_of_several_connections() -> None:
    windows = read_windows(json.dumps({"windows": [[GOOD] * 50, [{**GOOD, "connection_id": "d"}] * 50]}).encode())
    assert windows.recv_ts_ns.tolist() == [[10**18] * 50] * 2


@given(
    st.recursive(
        st.none() | st.integers() | st.text('[]{}"\\', max_size=6),
        lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text('[{"\\', max_size=3), inside, max_size=3),
        max_leaves=20,
    )
)
def test_depth_is_that_of_the_parsed_value(value: Any) -> None:
    def naive(one: Any) -> int:
        inside = one.values() if isinstance(one, dict) else one if isinstance(one, list) else None
        return 0 if inside is None else 1 + max(map(naive, inside), default=0)

    assert depth(json.dumps(value).encode()) == depth_of(value) == naive(value)
