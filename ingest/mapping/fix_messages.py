"""What a FIX message says of itself: its kind, number, time and request; blind to who speaks.

Kinds and tags are those of the FIX specifications 4.0 to 5.0 SP2, which share them. An `ExecutionReport` answers a
request where its ExecType (before 4.1: its OrdStatus) says that an order is new, canceled, replaced or rejected; all
others report what became of an order, as its trades.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from simplefix import FixParser
from simplefix.errors import ParsingError

from ingest.mapping.kinds import ACK, HEARTBEAT, NACK, NEW, OTHER
from ingest.mapping.values import INT64_MAX, to_epoch_ns, to_request_id
from udfs.schema import MISSING, MsgType

BEGIN: Final = b"8=FIX"
"""No other frame begins so."""

LONGEST_BYTES: Final = 2**20
"""What is longer is not parsed."""


class Tag(IntEnum):
    """The fields that say what a message is; nothing else of it is read."""

    CL_ORD_ID = 11
    EXEC_TRANS_TYPE = 20
    MSG_SEQ_NUM = 34
    MSG_TYPE = 35
    NEW_SEQ_NO = 36
    ORD_STATUS = 39
    ORIG_CL_ORD_ID = 41
    POSS_DUP_FLAG = 43
    REF_SEQ_NUM = 45
    SENDING_TIME = 52
    EXEC_TYPE = 150
    BUSINESS_REJECT_REF_ID = 379
    MASS_CANCEL_RESPONSE = 531


Fields = Mapping[int, bytes]
"""The fields of a message by their tags; of a tag that occurs more than once, the first."""

_CHUNK_BYTES: Final = 2**16
"""The parser copies what it has not read yet with each field."""

_HEARTBEATS: Final = frozenset({b"0", b"1"})
"""Heartbeat, TestRequest."""

_SESSION: Final = frozenset({b"2", b"3", b"4", b"5", b"j", b""})
"""ResendRequest, Reject, SequenceReset, Logout, BusinessMessageReject: who sends them asks for no order."""

_RECEIVED: Final = MappingProxyType(
    {
        **dict.fromkeys((b"", b"2", b"4", b"5", b"B", b"h"), OTHER),  # and News, TradingSessionStatus
        b"A": ACK,  # Logon, the answer to ours
        **dict.fromkeys((b"3", b"9", b"j", b"Y"), NACK),  # and OrderCancelReject, MarketDataRequestReject
    }
)
_EXECUTION_REPORT: Final = b"8"
_MASS_CANCEL_REPORT: Final = b"r"
_SEQUENCE_RESET: Final = b"4"
_REJECTS_BY_NUMBER: Final = frozenset({b"3", b"j"})
_STATUS_REQUEST: Final = b"H"
_OF_NEW_STATE: Final = b"0"
_REFUSED: Final = b"0"
_OUTCOMES: Final = MappingProxyType({b"0": ACK, b"4": ACK, b"5": ACK, b"8": NACK})
"""ExecType and OrdStatus alike: New, Canceled, Replaced, Rejected."""

_CANCELED: Final = b"4"
_TIME: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})-([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,12})?)")
_LONGEST_NUMBER: Final = 19
_MOST_SENT: Final = 10_000


def parse_fix(message: bytes) -> dict[int, bytes] | None:
    r"""Read the fields of a message, data fields with separators in them included; None if it is not exactly one.

    >>> parse_fix(b"8=FIX.4.2\x019=5\x0135=0\x0110=161\x01")
    {8: b'FIX.4.2', 9: b'5', 35: b'0', 10: b'161'}
    """
    if len(message) > LONGEST_BYTES:
        return None
    parser = FixParser(allow_empty_values=True)
    for start in range(0, len(message), _CHUNK_BYTES):
        parser.append_buffer(message[start : start + _CHUNK_BYTES])
        try:
            parsed = parser.get_message()
        except (ParsingError, ValueError):
            return None
        if parsed is not None:
            is_all = start + _CHUNK_BYTES >= len(message) and not parser.get_buffer()
            return _first_of_each(parsed.pairs) if is_all else None
    return None


def _first_of_each(pairs: list[tuple[bytes, bytes]]) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    for tag, value in pairs:
        fields.setdefault(int(tag), value)
    return fields


def fix_type(fields: Fields, *, received: bool) -> MsgType:
    """Tell what a message is: a request, an answer, a report or data, a heartbeat, or what keeps the session."""
    kind = fields.get(Tag.MSG_TYPE, b"")
    if kind in _HEARTBEATS:
        return HEARTBEAT
    if not received:
        return OTHER if kind in _SESSION else NEW
    if kind == _EXECUTION_REPORT:
        return _report_type(fields)
    if kind == _MASS_CANCEL_REPORT:
        return NACK if fields.get(Tag.MASS_CANCEL_RESPONSE) == _REFUSED else ACK
    return _RECEIVED.get(kind, NEW)


def _report_type(fields: Fields) -> MsgType:
    if fields.get(Tag.EXEC_TRANS_TYPE, _OF_NEW_STATE) != _OF_NEW_STATE:
        return NEW  # a trade undone or corrected, or a state that was asked for
    outcome = fields.get(Tag.EXEC_TYPE, fields.get(Tag.ORD_STATUS, b""))
    if outcome == _CANCELED and fields.get(Tag.ORIG_CL_ORD_ID) in (None, fields.get(Tag.CL_ORD_ID)):
        return NEW  # nobody asked: the answer to a cancel request names the order beside the request
    return _OUTCOMES.get(outcome, NEW)


def fix_seq(fields: Fields) -> int:
    """Read where a received message leaves the venue's counter; `MISSING` for one that is sent once more.

    Of a SequenceReset, which stands for all numbers up to NewSeqNo, the last: what the next message continues.
    """
    if fields.get(Tag.POSS_DUP_FLAG) == b"Y":
        return MISSING
    if fields.get(Tag.MSG_TYPE) == _SEQUENCE_RESET:
        next_seq = _to_number(fields.get(Tag.NEW_SEQ_NO))
        return MISSING if next_seq == MISSING else next_seq - 1
    return _to_number(fields.get(Tag.MSG_SEQ_NUM))


def fix_time_ns(fields: Fields) -> int:
    """Read SendingTime; ns since the epoch, or `MISSING`."""
    match = _TIME.fullmatch(_to_text(fields.get(Tag.SENDING_TIME)))
    return to_epoch_ns(f"{match[1]}-{match[2]}-{match[3]}T{match[4]}Z") if match else MISSING


class SentRequests:
    """The requests of one connection by their MsgSeqNum, which rejects name; the last ones."""

    def __init__(self) -> None:
        self._ids: dict[int, int] = {}

    def take(self, fields: Fields) -> int:
        """Take note of a request that is sent, and return its id."""
        number = _to_number(fields.get(Tag.MSG_SEQ_NUM))
        asks_only = fields.get(Tag.MSG_TYPE) == _STATUS_REQUEST  # its ClOrdID is that of the order it asks about
        request_id = MISSING if asks_only else to_request_id(_to_text(fields.get(Tag.CL_ORD_ID)))
        if number != MISSING:
            self._ids[number] = request_id
        if len(self._ids) > _MOST_SENT:
            del self._ids[next(iter(self._ids))]
        return request_id

    def answered(self, fields: Fields) -> int:
        """Return the id of the request that a received message answers; `MISSING` if it does not say."""
        if fields.get(Tag.MSG_TYPE) in _REJECTS_BY_NUMBER:
            request_id = self._ids.get(_to_number(fields.get(Tag.REF_SEQ_NUM)), MISSING)
            if request_id != MISSING:
                return request_id
            return to_request_id(_to_text(fields.get(Tag.BUSINESS_REJECT_REF_ID)))
        return to_request_id(_to_text(fields.get(Tag.CL_ORD_ID)))


def _to_number(value: bytes | None) -> int:
    """Read digits, which may begin with zeros; `MISSING` for anything else."""
    if value is None or not value.isdigit() or len(value) > _LONGEST_NUMBER:
        return MISSING
    number = int(value)
    return number if number <= INT64_MAX else MISSING


def _to_text(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8", "surrogateescape")
