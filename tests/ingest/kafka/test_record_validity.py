"""What is a message: hand-written records one field off, and a naive reading of the same rule on drawn ones."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.kafka.message_json import encode
from ingest.kafka.record_validity import MAX_DEPTH, check_record, read_record
from synthetic.sessions import synthetic_sessions

GOOD: dict[str, Any] = {"connection_id": "c", "recv_ts_ns": 10**18, "msg_type": "NEW"}
ABSENT = object()


def check(value: object, key: bytes | None = b"c") -> str | None:
    return check_record(key, json.dumps(value).encode())


@pytest.mark.parametrize(
    "name", ["exchange_ts_ns", "seq", "prev_seq", "request_id", "payload_bytes", "declared_exchange"]
)
def test_what_may_be_missing_may_be_null(name: str) -> None:
    assert check(GOOD) is None
    assert check(GOOD | {name: None}) is None


@pytest.mark.parametrize("name", GOOD)
def test_what_may_not_be_missing_may_not_be_null(name: str) -> None:
    assert check(GOOD | {name: None}) == f"no {name}"
    assert check({key: value for key, value in GOOD.items() if key != name}) == f"no {name}"


@pytest.mark.parametrize(
    "good",
    [
        {"recv_ts_ns": 946_684_800_000_000_000},
        {"recv_ts_ns": 4_102_444_799_999_999_999},
        {"msg_type": "ACK"},
        {"msg_type": "NACK"},
        {"msg_type": "HEARTBEAT"},
        {"msg_type": "OTHER"},
        {"seq": -(2**63) + 1, "request_id": 2**63 - 1, "exchange_ts_ns": -1},
        {"payload_bytes": 0},
        {"payload_bytes": 2**40},
        {"declared_exchange": "é" * 64},
        {"further": [{"connection_id": 1}, 1.5, "\x00", "\ud800", True, None]},
        {"enormous": 10**400},
    ],
)
def test_a_message(good: dict[str, Any]) -> None:
    assert check(GOOD | good) is None


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"connection_id": ""}, "connection_id is not a string of 1 to 128 printable characters"),
        ({"connection_id": "c" * 129}, "connection_id is not a string of 1 to 128 printable characters"),
        ({"connection_id": 7}, "connection_id is not a string of 1 to 128 printable characters"),
        ({"connection_id": "a\x00"}, "connection_id is not a string of 1 to 128 printable characters"),
        ({"connection_id": "a\x1f"}, "connection_id is not a string of 1 to 128 printable characters"),
        ({"connection_id": "a\x7f"}, "connection_id is not a string of 1 to 128 printable characters"),
        ({"connection_id": "a\x9f"}, "connection_id is not a string of 1 to 128 printable characters"),
        *(
            ({"connection_id": f"a{c}"}, "connection_id is not a string of 1 to 128 printable characters")
            for c in "\xad\u061c\u200b\u200d\u200f\u2028\u2029\u202a\u202e\u2060\u2065\u2066\u2069\ufeff\U000e0041"
        ),
        ({"declared_exchange": "\u202eneparb"}, "declared_exchange is not a string of 1 to 64 printable characters"),
        ({"connection_id": "a\ud800"}, "connection_id is not a string of 1 to 128 printable characters"),
        ({"recv_ts_ns": "1"}, "recv_ts_ns is not an integer of nanoseconds from 2000 to 2099"),
        ({"recv_ts_ns": 1.0}, "recv_ts_ns is not an integer of nanoseconds from 2000 to 2099"),
        ({"recv_ts_ns": True}, "recv_ts_ns is not an integer of nanoseconds from 2000 to 2099"),
        ({"recv_ts_ns": 2**63}, "recv_ts_ns is not an integer of nanoseconds from 2000 to 2099"),
        ({"recv_ts_ns": 2**64}, "recv_ts_ns is not an integer of nanoseconds from 2000 to 2099"),
        ({"recv_ts_ns": 946_684_799_999_999_999}, "recv_ts_ns is not an integer of nanoseconds from 2000 to 2099"),
        ({"recv_ts_ns": 0}, "recv_ts_ns is not an integer of nanoseconds from 2000 to 2099"),
        ({"recv_ts_ns": -1}, "recv_ts_ns is not an integer of nanoseconds from 2000 to 2099"),
        ({"recv_ts_ns": 4_102_444_800_000_000_000}, "recv_ts_ns is not an integer of nanoseconds from 2000 to 2099"),
        ({"msg_type": "new"}, "msg_type is not NEW, ACK, NACK, HEARTBEAT or OTHER"),
        ({"msg_type": 0}, "msg_type is not NEW, ACK, NACK, HEARTBEAT or OTHER"),
        ({"msg_type": ["NEW"]}, "msg_type is not NEW, ACK, NACK, HEARTBEAT or OTHER"),
        ({"seq": -(2**63)}, "seq is not a 64-bit integer"),
        ({"seq": False}, "seq is not a 64-bit integer"),
        ({"request_id": 10**400}, "request_id is not a 64-bit integer"),
        ({"request_id": -(10**19)}, "request_id is not a 64-bit integer"),
        ({"exchange_ts_ns": 1e3}, "exchange_ts_ns is not a 64-bit integer"),
        ({"payload_bytes": -1}, "payload_bytes is not an integer of 0 or more"),
        ({"payload_bytes": {}}, "payload_bytes is not an integer of 0 or more"),
        ({"declared_exchange": 5}, "declared_exchange is not a string of 1 to 64 printable characters"),
        ({"declared_exchange": ""}, "declared_exchange is not a string of 1 to 64 printable characters"),
        ({"declared_exchange": "k" * 65}, "declared_exchange is not a string of 1 to 64 printable characters"),
        ({"declared_exchange": "\n"}, "declared_exchange is not a string of 1 to 64 printable characters"),
    ],
)
def test_no_message(bad: dict[str, Any], reason: str) -> None:
    name = (GOOD | bad)["connection_id"]
    key = name.encode("utf-8", "surrogatepass") if isinstance(name, str) else b"c"
    assert check(GOOD | bad, key) == reason
    # A field that nobody reads sends the record the slow way, which must not judge otherwise.
    assert check(GOOD | bad | {"further": "\ud800"}, key) == reason


@pytest.mark.parametrize("at_s", [1_794_000_000, 3_000_000_000, 4_102_444_799])
@pytest.mark.parametrize("per_s", [1, 10**3, 10**6])
def test_a_time_in_another_unit_is_none(at_s: int, per_s: int) -> None:
    """Of this decade, of 2065, and the last second before the year 2100."""
    assert check(GOOD | {"recv_ts_ns": at_s * 10**9}) is None
    assert check(GOOD | {"recv_ts_ns": at_s * per_s}) == "recv_ts_ns is not an integer of nanoseconds from 2000 to 2099"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "null value"),
        (b"", "not JSON"),
        (b"no json", "not JSON"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b'{"connection_id": "\xed\xa0\x80"}', "not UTF-8"),
        (b"[1]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"c"', "not a JSON object"),
        (b"1 2", "not JSON"),
        (b"[] []", "not JSON"),
        (json.dumps(GOOD).encode() * 2, "more than one JSON value"),
        (json.dumps(GOOD).encode() + b"\n[tru", "more than one JSON value"),
        (b"{}1", "more than one JSON value"),
        (b"{}1\x00", "not JSON"),
        (json.dumps(GOOD).encode() + b" x", "not JSON"),
        (json.dumps(GOOD).encode() + b"}", "not JSON"),
        (json.dumps(GOOD).encode()[:-1] + b"] {}", "not JSON"),
        (b"[" * 501 + b"\xff", "not UTF-8"),
        (b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), "not JSON"),
        (json.dumps(GOOD).encode("utf-16"), "not UTF-8"),
        (json.dumps(GOOD | {"x": float("nan")}).encode(), "not JSON"),
        (json.dumps(GOOD | {"x": "\t"}).replace("\\t", "\t").encode(), "not JSON"),
        (json.dumps(GOOD).replace("1", "01").encode(), "not JSON"),
        (json.dumps(GOOD)[:-1].encode() + b",}", "not JSON"),
        (json.dumps(GOOD | {"x": "y" * 65_536}).encode(), "larger than 64 KiB"),
        (b"[" * 60_000, "not JSON"),
    ],
)
def test_no_json_object(value: bytes | None, reason: str) -> None:
    assert check_record(b"c", value) == reason


def test_the_largest_value_and_the_deepest() -> None:
    start = json.dumps(GOOD | {"x": ""}).encode()[:-2]
    assert check_record(b"c", start + b"y" * (65_536 - len(start) - 2) + b'"}') is None
    for depth, reason in ((MAX_DEPTH, None), (MAX_DEPTH + 1, "not JSON")):
        nested = b"[" * (depth - 1) + b"]" * (depth - 1)
        assert check_record(b"c", start[:-1] + nested + b"}") == reason
    assert check_record(b"c", start + b"[{" * 5_000 + b'"}') is None


def test_of_a_name_that_occurs_twice_the_last_counts() -> None:
    for further in ("1", '"\\ud800"'):
        twice = f'{{"seq": "x", "connection_id": "d", "further": {further}, "seq": 2, "connection_id": "c", '
        assert check_record(b"c", (twice + '"recv_ts_ns": 1000000000000000000, "msg_type": "NEW"}').encode()) is None


def test_the_key_is_the_connection_id() -> None:
    name = "Börse-\U0001f4c8"
    assert check(GOOD | {"connection_id": name}, name.encode()) is None
    assert check(GOOD | {"connection_id": name}, name.encode("utf-16")) == "key is not the connection_id"
    assert check(GOOD, b"") == "key is not the connection_id"
    assert check(GOOD, None) == "no key"


def test_everything_that_is_published_is_a_message() -> None:
    for drawn in synthetic_sessions(per_exchange=1, seed=1, start_ns=10**18, n_messages=300):
        key = drawn.session.connection_id.encode()
        for value in encode(drawn.session):
            assert read_record(key, value) == (json.loads(value), None)


TEXTS = st.text(
    st.characters()
    | st.sampled_from("\x00\x1f\x7f\x80\x9f\xa0\xad\u200a\u200b\u2028\u2029\u202e\u2065\u2070\ufeff\ud800\udfff"),
    max_size=5,
)
NUMBERS = st.sampled_from([0, -1, 2**63 - 1, 2**63, -(2**63), -(2**63) + 1, 2**64, 10**30, 0.5, 4_102_444_800 * 10**9])
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), NUMBERS, st.floats(), TEXTS, st.integers(60, 130).map("x".__mul__)
)
FIELDS = {
    "connection_id": TEXTS,
    "recv_ts_ns": st.integers(946_684_800 * 10**9 - 1, 4_102_444_800 * 10**9),
    "msg_type": st.sampled_from(["NEW", "ACK", "NACK", "HEARTBEAT", "OTHER", "new", ""]),
    "exchange_ts_ns": NUMBERS,
    "seq": NUMBERS,
    "prev_seq": NUMBERS,
    "request_id": NUMBERS,
    "payload_bytes": NUMBERS,
    "declared_exchange": TEXTS,
    "further": VALUES,
}
RECORDS = st.fixed_dictionaries({}, optional={name: field | VALUES for name, field in FIELDS.items()})


NULLABLE = ("exchange_ts_ns", "seq", "prev_seq", "request_id")


def is_message(key: bytes | None, fields: dict[str, Any]) -> bool:
    """Decide by the rule as it reads, field for field, on what has been parsed."""

    def is_text(value: object, least: int, most: int) -> bool:
        if not isinstance(value, str) or not least <= len(value) <= most:
            return False
        later = {"\u2065", *map(chr, range(0x13439, 0x13440))}  # what Unicode 15 has besides
        return not any(unicodedata.category(c) in ("Cc", "Cs", "Cf", "Zl", "Zp") or c in later for c in value)

    def is_number(value: object, least: int = -(2**63) + 1, end: int = 2**63) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value < end

    name, declared = fields.get("connection_id"), fields.get("declared_exchange")
    return (
        not any(isinstance(value, float) and value - value != 0 for value in fields.values())
        and is_text(name, 1, 128)
        and is_number(fields.get("recv_ts_ns"), 946_684_800 * 10**9, 4_102_444_800 * 10**9)
        and fields.get("msg_type") in ("NEW", "ACK", "NACK", "HEARTBEAT", "OTHER")
        and all(fields.get(n) is None or is_number(fields[n]) for n in NULLABLE)
        and (fields.get("payload_bytes") is None or is_number(fields["payload_bytes"], 0))
        and (declared is None or is_text(declared, 0, 64))
        and key == name.encode()
    )


@given(RECORDS, st.booleans(), st.booleans())
@example({"connection_id": "c", "recv_ts_ns": 10**18, "msg_type": "NEW", "further": "\ud800"}, True, True)
def test_drawn_records(fields: dict[str, Any], has_own_key: bool, in_ascii: bool) -> None:
    name = fields.get("connection_id")
    key = name.encode("utf-8", "surrogatepass") if has_own_key and isinstance(name, str) else b"c"
    value = json.dumps(fields, ensure_ascii=in_ascii).encode("utf-8", "surrogatepass")
    is_utf8 = in_ascii or not any(0xD800 <= ord(c) < 0xE000 for c in value.decode("utf-8", "surrogatepass"))
    assert (check_record(key, value) is None) == (is_utf8 and is_message(key, fields))


@given(st.binary(max_size=40) | st.text('{}[]",:0-.eE\\tnul ', max_size=40).map(str.encode))
def test_no_bytes_raise(value: bytes) -> None:
    reason = check_record(b"c", value)
    assert reason
