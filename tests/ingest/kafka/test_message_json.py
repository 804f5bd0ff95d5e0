from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from ingest.kafka.message_json import decode, encode, encode_one
from ingest.mapping.frame_mapper import Message
from udfs.schema import MISSING, SESSION_COLUMNS, MsgType, Session


def _session(n: int) -> Session:
    rng = np.random.default_rng(7)
    columns = {name: rng.integers(0, 2**62, n) for name in ("recv_ts_ns", "exchange_ts_ns", "seq", "request_id")}
    columns["seq"][::3] = MISSING
    return Session(
        connection_id="a-1",
        declared_exchange=None,
        msg_type=rng.integers(0, 5, n),
        payload_bytes=rng.integers(0, 100, n),
        **columns,
    )


def test_one_message() -> None:
    def column(value: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array([value], dtype=np.int64)

    session = Session(
        connection_id="kraken-é",
        declared_exchange="kraken",
        recv_ts_ns=column(1_617_574_000_123_456_789),
        exchange_ts_ns=column(MISSING),
        msg_type=column(MsgType.NACK),
        seq=column(-3),
        request_id=column(2**63 - 1),
        payload_bytes=column(21),
    )
    assert [json.loads(value) for value in encode(session)] == [
        {
            "connection_id": "kraken-é",
            "recv_ts_ns": 1_617_574_000_123_456_789,
            "exchange_ts_ns": None,
            "msg_type": "NACK",
            "seq": -3,
            "request_id": 9_223_372_036_854_775_807,
            "payload_bytes": 21,
            "declared_exchange": "kraken",
        }
    ]


def test_every_row_comes_back_in_order_across_chunks() -> None:
    session = _session(10_000)
    rows = [json.loads(value) for value in encode(session)]
    assert [row["recv_ts_ns"] for row in rows] == session.recv_ts_ns.tolist()
    assert [MISSING if row["seq"] is None else row["seq"] for row in rows] == session.seq.tolist()
    assert [MsgType[row["msg_type"]] for row in rows] == session.msg_type.tolist()
    assert {row["declared_exchange"] for row in rows} == {None}


def test_only_a_message_that_names_a_predecessor_has_the_field() -> None:
    session = replace(_session(3), prev_seq=np.array([MISSING, -1, 41]))
    rows = [json.loads(value) for value in encode(session)]
    assert ["prev_seq" in row for row in rows] == [False, True, True]
    assert [row["prev_seq"] for row in rows[1:]] == [-1, 41]
    columns = (getattr(session, name).tolist() for name in Message._fields)
    messages = [Message._make(row) for row in zip(*columns, strict=True)]
    assert [encode_one(message, "a-1", None) for message in messages] == list(encode(session))


def test_no_messages() -> None:
    assert list(encode(_session(0))) == []


def test_one_message_has_the_bytes_that_it_has_in_a_session() -> None:
    session = _session(200)
    columns = (getattr(session, name).tolist() for name in Message._fields)
    messages = [Message._make(row) for row in zip(*columns, strict=True)]
    assert [encode_one(message, "a-1", None) for message in messages] == list(encode(session))


def test_what_was_encoded_is_decoded() -> None:
    session = replace(_session(100), declared_exchange="kraken")
    read = decode([json.loads(value) for value in encode(session)])
    assert (read.connection_id, read.declared_exchange) == ("a-1", "kraken")
    for name in SESSION_COLUMNS:
        assert getattr(read, name).tolist() == getattr(session, name).tolist()


def test_what_is_absent_is_missing_and_the_last_claim_counts() -> None:
    first = {"connection_id": "c", "recv_ts_ns": 10**18, "msg_type": "ACK", "declared_exchange": "kraken"}
    read = decode([first, {**first, "declared_exchange": "binance", "seq": 7}])
    assert read.declared_exchange == "binance"
    assert (read.seq.tolist(), read.payload_bytes.tolist()) == ([MISSING, 7], [MISSING, MISSING])
