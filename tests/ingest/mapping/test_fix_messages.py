"""FIX messages become messages by the specification's kinds; expectations are read off it by hand."""

from __future__ import annotations

import time
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fingerprint_testing.fix import fix, framed
from ingest.frame import Direction, Frame
from ingest.mapping.fix_messages import parse_fix
from ingest.mapping.frame_mapper import FrameMapper, Message, map_frame
from udfs.schema import MISSING, MsgType

NOW = 1_700_000_000_000_000_000
NEW, ACK, NACK, HEARTBEAT, OTHER = MsgType


def received(fields: str) -> Message:
    return map_frame(fix(fields), "recv", NOW)


def hashed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), signed=True)


@pytest.mark.parametrize(
    ("fields", "msg_type"),
    [
        ("35=8|11=a|39=0|150=0", ACK),
        ("35=8|11=a|41=a|39=0|150=0", ACK),
        ("35=8|11=a|39=A|150=A", NEW),  # pending: the answer follows
        ("35=8|11=a|39=2|150=F", NEW),
        ("35=8|11=a|39=1|150=1", NEW),
        ("35=8|11=a|39=8|150=8", NACK),
        ("35=8|11=b|41=a|39=4|150=4", ACK),
        ("35=8|11=b|41=a|39=0|150=5", ACK),
        ("35=8|11=b|41=a|39=6|150=6", NEW),
        ("35=8|11=a|39=4|150=4", NEW),  # nobody asked for it
        ("35=8|11=a|41=a|39=4|150=4", NEW),
        ("35=8|11=a|39=C|150=C", NEW),
        ("35=8|11=a|39=0|20=0", ACK),  # 4.0 has no ExecType
        ("35=8|11=a|39=2|20=0", NEW),
        ("35=8|11=a|39=2|20=1", NEW),
        ("35=8|11=a|39=0|150=0|20=3", NEW),  # a state that was asked for
        ("35=8|11=a|39=0|150=I", NEW),
        ("35=9|11=b|41=a|434=1", NACK),
        ("35=3|45=7", NACK),
        ("35=j|45=7", NACK),
        ("35=Y|262=x", NACK),
        ("35=r|11=a|531=0", NACK),
        ("35=r|11=a|531=7", ACK),
        ("35=A|98=0|108=30", ACK),
        ("35=0", HEARTBEAT),
        ("35=1|112=x", HEARTBEAT),
        *((f"35={kind}", OTHER) for kind in "245Bh"),
        ("35=W|55=x", NEW),
        ("35=X|55=x", NEW),
        ("35=U7", NEW),
        ("34=1", OTHER),
        ("35=|34=1", OTHER),
    ],
)
def test_what_is_received(fields: str, msg_type: MsgType) -> None:
    assert received(fields).msg_type is msg_type


@pytest.mark.parametrize(
    ("kinds", "msg_type"), [("DEFGHAVq", NEW), ("01", HEARTBEAT), ("2345j", OTHER)], ids=["asks", "lives", "keeps"]
)
def test_what_is_sent(kinds: str, msg_type: MsgType) -> None:
    for kind in kinds:
        message = map_frame(fix(f"35={kind}|34=7|52=20180223-19:14:25|11=a"), "send", NOW)
        assert (message.msg_type, message.seq, message.exchange_ts_ns) == (msg_type, MISSING, MISSING), kind


@pytest.mark.parametrize("version", ["FIX.4.0", "FIX.4.2", "FIX.4.4", "FIXT.1.1"])
def test_columns_of_every_version(version: str) -> None:
    frame = fix("35=8|34=000012|49=V|56=U|52=20180223-19:14:25.171|11=6f9e-b|39=0|150=0", version)
    expected = Message(NOW, 1519413265171000000, ACK, 12, hashed("6f9e-b"), len(frame))
    assert map_frame(frame, "recv", NOW) == map_frame(frame.decode(), "recv", NOW) == expected


@pytest.mark.parametrize(
    ("written", "ns"),
    [
        ("20180223-19:14:25", 1519413265000000000),
        ("20180223-19:14:25.171", 1519413265171000000),
        ("20180223-19:14:25.171123", 1519413265171123000),
        ("20180223-19:14:25.1711234", 1519413265171123400),
        ("20180223-19:14:25.171123456", 1519413265171123456),
        ("20180223-19:14:25.171123456789", 1519413265171123456),
        ("20161231-23:59:60", MISSING),  # a leap second, which Python's datetime does not know
        ("20180232-19:14:25", MISSING),
        ("2018-02-23T19:14:25", MISSING),
        ("x", MISSING),
    ],
)
def test_times(written: str, ns: int) -> None:
    assert received(f"35=0|52={written}").exchange_ts_ns == ns


@pytest.mark.parametrize(
    ("fields", "seq"),
    [
        ("35=0|34=7", 7),
        ("35=8|34=7|43=Y|122=20180223-19:14:25", MISSING),  # once more, beside the counter
        ("35=8|34=7|43=N", 7),
        ("35=4|34=7|123=Y|36=90", 89),  # stands for 7 to 89: the next is 90
        ("35=4|34=7|123=Y|36=90|43=Y", MISSING),
        ("35=4|34=7|36=x", MISSING),
        ("35=0|34=-7", MISSING),
        ("35=0|34=99999999999999999999", MISSING),
        ("35=0|34=9223372036854775807", 2**63 - 1),
        ("35=0|34=9223372036854775808", MISSING),
        ("35=0", MISSING),
    ],
)
def test_numbers(fields: str, seq: int) -> None:
    assert received(fields).seq == seq


def request_ids(*spoken: tuple[Direction, str]) -> list[int]:
    mapper = FrameMapper()
    return [mapper.to_message(Frame(NOW, way, fix(fields).decode())).request_id for way, fields in spoken]


def test_answers_are_linked_by_cl_ord_id() -> None:
    assert request_ids(
        ("send", "35=D|34=2|11=a1b2"),
        ("recv", "35=8|11=a1b2|150=0"),
        ("recv", "35=8|11=a1b2|150=F"),
        ("send", "35=F|34=3|11=77|41=a1b2"),
        ("recv", "35=9|11=77|41=a1b2"),
        ("send", "35=H|34=4|11=a1b2"),
        ("recv", "35=0|11=a1b2"),
    ) == [hashed("a1b2"), hashed("a1b2"), MISSING, 77, 77, MISSING, MISSING]


def test_a_reject_names_its_request_by_number() -> None:
    assert request_ids(
        ("send", "35=D|34=2|11=a"),
        ("send", "35=D|34=0003|11=b"),
        ("recv", "35=3|34=9|45=3"),
        ("recv", "35=j|34=10|45=2|379=other"),
        ("recv", "35=j|34=11|45=900|379=b"),
        ("recv", "35=3|34=12|45=900"),
        ("recv", "35=3|34=13"),
    ) == [hashed("a"), hashed("b"), hashed("b"), hashed("a"), hashed("b"), MISSING, MISSING]
    assert map_frame(fix("35=3|45=3"), "recv", NOW).request_id == MISSING, "a frame by itself knows of no request"


def test_long_ago_requests_are_forgotten() -> None:
    mapper = FrameMapper()
    for number in range(1, 10_002):
        mapper.to_message(Frame(NOW, "send", fix(f"35=D|34={number}|11={number}").decode()))
    found = [mapper.to_message(Frame(NOW, "recv", fix(f"35=3|45={n}").decode())).request_id for n in (1, 2, 10_001)]
    assert found == [MISSING, 2, 10_001]


def test_data_fields_may_hold_separators() -> None:
    frame = framed(b"35=A\x0195=10\x0196=a\x0135=0\x0110=\x0134=5\x01")
    assert parse_fix(frame) == {
        **{8: b"FIX.4.4", 9: b"30", 35: b"A", 95: b"10", 96: b"a\x0135=0\x0110=", 34: b"5"},
        10: frame[-4:-1],
    }
    assert map_frame(frame, "recv", NOW)[2:] == (ACK, 5, MISSING, len(frame), MISSING)


@pytest.mark.parametrize(
    "frame",
    [
        b"8=FIX",
        b"8=FIX.4.2\x019=5\x0135=0\x01",
        b"8=FIX.4.2\x01x=5\x0135=0\x0110=161\x01",
        b"8=FIX.4.2\x019=5\x0135=0\x0110=161\x0135=0\x01",
        b"8=FIX.4.2|9=5|35=0|10=161|",
        b"8=FIX.4.2\x0195=x\x0196=y\x0110=161\x01",
        b"8=FIX.4.2\x01" + b"9" * 5000 + b"=1\x0110=161\x01",
        b"8=FIX.4.2\x0195=" + b"9" * 5000 + b"\x0196=y\x0110=161\x01",
        b"8=FIX.4.2\x0135=0\x0158=" + b"x" * 2**20 + b"\x0110=161\x01",
    ],
    ids=range(9),
)
def test_what_is_no_message_is_other(frame: bytes) -> None:
    assert map_frame(frame, "recv", NOW) == Message(NOW, MISSING, OTHER, MISSING, MISSING, len(frame))


def test_large_messages_take_no_time() -> None:
    for body in (b"1=2\x01" * 200_000, b"58=" + b"x" * 900_000 + b"\x01", b"95=900000\x0196=" + b"\x01" * 900_001):
        start = time.process_time()
        assert map_frame(framed(b"35=W\x0134=8\x01" + body), "recv", NOW).seq == 8
        assert time.process_time() - start < 60, "a parser that copies all with each field takes minutes"


@given(
    kept=st.integers(0, 80),
    changed=st.lists(st.tuples(st.integers(0, 79), st.sampled_from(b"\x01=0819\xff-_ ")), max_size=6),
    way=st.sampled_from(["recv", "send"]),
)
def test_mutated_messages_never_raise(kept: int, changed: list[tuple[int, int]], way: Direction) -> None:
    data = bytearray(fix("35=8|34=7|52=20180223-19:14:25.171|95=3|96=a=b|11=x|41=y|45=3|150=0"))
    for position, byte in changed:
        data[position % len(data)] = byte
    message = map_frame(bytes(data[: len(data) - kept % 7]), way, NOW)
    assert all(-(2**63) <= value < 2**63 for value in message)
