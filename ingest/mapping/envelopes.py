"""Frames that are JSON in something else, or nearly JSON: the layers between WebSocket and an interface's messages.

Engine.IO puts a digit before a packet, Socket.IO two, a namespace and a number; SockJS puts a letter before a list of
texts; SignalR ends each record with the separator 0x1E, STOMP each frame with a zero. None belongs to a venue.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ingest.mapping.kinds import ACK, HEARTBEAT, NACK, NEW, OTHER
from ingest.mapping.values import to_request_id
from udfs.schema import MISSING, MsgType

_MOST_BODIES: Final = 64
_LONGEST_INTEGER: Final = 1000
_RECORD_END: Final = "\x1e"
_BLANK: Final = " \t\r\n"
_PADDING: Final = "\ufeff\x00" + _BLANK

_ENGINE_IO: Final = {"1": OTHER, "2": HEARTBEAT, "3": HEARTBEAT, "5": OTHER, "6": OTHER}
"""Close, ping, pong, upgrade, noop; 0 opens and 4 is a message."""

_PROBE: Final = frozenset({"2probe", "3probe"})
_SOCKET_IO: Final = re.compile(
    r"4(?P<kind>[0-6])(?:[0-9]+-)?(?P<namespace>/[^,{\[]*,?)?(?P<id>[0-9]{1,18})?(?P<body>[\[{\"].*)?", re.DOTALL
)
_SOCKET_IO_KINDS: Final = {"0": OTHER, "1": OTHER, "3": ACK, "4": NACK, "6": ACK}
"""Connect, disconnect, acknowledgement, error, acknowledgement with binary parts; 2 and 5 are events."""

_SOCK_JS: Final = re.compile(r"(?P<kind>[amc])(?P<body>[\[\"].*)", re.DOTALL)
_SOCK_JS_WORDS: Final = {"o": OTHER, "h": HEARTBEAT}
_STOMP: Final = re.compile(r"(?P<command>[A-Z]{3,12})\r?\n(?:[^\n]+\n)*\r?\n(?P<body>[^\x00]*)\x00?\s*", re.DOTALL)
_STOMP_COMMANDS: Final = {"CONNECTED": OTHER, "RECEIPT": ACK, "ERROR": NACK, "MESSAGE": NEW}

_SIGNALR_TYPES: Final = {1: NEW, 2: NEW, 3: ACK, 4: NEW, 5: OTHER, 6: HEARTBEAT, 7: OTHER}
"""Invocation, stream item, completion, stream invocation, cancel, ping, close."""


class Opened(NamedTuple):
    """What was found in a frame that is no plain JSON.

    Attributes
    ----------
    bodies : list
        The JSON values in it, in order.
    msg_type : MsgType or None
        What the packet says it is; None if its values say it.
    request_id : int
        The packet's own number, or `MISSING`.
    """

    bodies: list[Any]
    msg_type: MsgType | None = None
    request_id: int = MISSING


def open_envelope(payload: bytes) -> Opened | None:
    """Find the JSON in a frame that orjson refuses; None if this is none that is known.

    >>> open_envelope(b'42["trade",{"p":1}]').bodies, open_envelope(b'{"a":1}{"b":2}').bodies
    ([['trade', {'p': 1}]], [{'a': 1}, {'b': 2}])
    """
    text = payload.decode("utf-8", "surrogatepass" if _is_surrogate_text(payload) else "replace")
    if _RECORD_END in text:
        return _records(text)
    for read in (_engine_io, _sock_js, _stomp):
        opened = read(text)
        if opened is not None:
            return opened
    bodies = read_values(text)
    return Opened(bodies) if bodies else None


def read_values(text: str) -> list[Any]:
    """Read JSON values that follow each other, as Python writes them: `NaN`, `Infinity`, lone surrogates, 1e999.

    Empty if there is anything else, or what begins is no object and no array.
    """
    bodies: list[Any] = []
    text = text.strip(_PADDING)
    at = 0
    while at < len(text) and len(bodies) < _MOST_BODIES:
        if text[at] not in "{[":
            return []
        try:
            body, at = _decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return []
        bodies.append(body)
        while at < len(text) and text[at] in _PADDING + ",;":
            at += 1
    return bodies


def _read_integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float("inf")


_decoder: Final = json.JSONDecoder(parse_int=_read_integer)


def _is_surrogate_text(payload: bytes) -> bool:
    try:
        payload.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _engine_io(text: str) -> Opened | None:
    if text in _PROBE:
        return Opened([], HEARTBEAT)
    if text.startswith("0{"):
        return Opened(read_values(text[1:]), OTHER)
    if text.startswith(("4{", "4[")):
        return Opened(read_values(text[1:]))
    match = _SOCKET_IO.fullmatch(text)
    if match is None:
        return None
    values = read_values(match["body"] or "")
    request_id = MISSING if match["id"] is None else to_request_id(int(match["id"]))
    return Opened(values, _SOCKET_IO_KINDS.get(match["kind"]), request_id)


def _sock_js(text: str) -> Opened | None:
    if text in _SOCK_JS_WORDS:
        return Opened([], _SOCK_JS_WORDS[text])
    match = _SOCK_JS.fullmatch(text)
    if match is None:
        return None
    try:
        inner = json.loads(match["body"])
    except (ValueError, RecursionError):
        return None
    if match["kind"] == "c":
        return Opened([inner], OTHER)
    texts = inner if type(inner) is list else [inner]
    bodies = [
        body for one in texts[:_MOST_BODIES] for body in (read_values(one) or [one] if type(one) is str else [one])
    ]
    return Opened(bodies) if bodies else None


def _stomp(text: str) -> Opened | None:
    match = _STOMP.fullmatch(text)
    if match is None or match["command"] not in _STOMP_COMMANDS:
        return None
    bodies = read_values(match["body"])
    msg_type = _STOMP_COMMANDS[match["command"]]
    return Opened(bodies, None if msg_type is NEW and bodies else msg_type)


def _records(text: str) -> Opened | None:
    """Read records of SignalR, whose `type` is a number; the first one is the answer to the handshake."""
    bodies = [body for record in text.split(_RECORD_END)[:_MOST_BODIES] for body in read_values(record)]
    if not bodies:
        return None
    types = [_record_type(body) for body in bodies]
    best = min(range(len(types)), key=lambda n: _rank(types[n]))
    body = bodies[best]
    request_id = to_request_id(body.get("invocationId")) if type(body) is dict else MISSING
    return Opened([body], types[best], request_id)


def _record_type(body: Any) -> MsgType | None:
    if type(body) is not dict:
        return None
    if not body:
        return ACK
    kind = body.get("type")
    if body.get("error"):
        return NACK
    return _SIGNALR_TYPES.get(kind) if type(kind) is int else None


def _rank(msg_type: MsgType | None) -> int:
    return telling(msg_type if msg_type is not None else NEW)


_TELLING: Final = {NEW: 0, NACK: 1, ACK: 2, OTHER: 3, HEARTBEAT: 4}
telling: Final[Callable[[MsgType], int]] = _TELLING.__getitem__
"""Of several messages in a frame the one that tells most stands for it."""
