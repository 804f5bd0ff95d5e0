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
from ingest.mapping.layers import read_text
from ingest.mapping.values import to_request_id
from udfs.schema import MISSING, MsgType

_MOST_BODIES: Final = 64
_LONGEST_INTEGER: Final = 1000
_RECORD_END: Final = "\x1e"
_BLANK: Final = " \t\r\n"
_PADDING: Final = "\ufeff\x00" + _BLANK

_BETWEEN: Final = _PADDING + ",;"

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])|[+.\w-]+', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_KNOWN_ESCAPE: Final = re.compile(r'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])')
_NUMBER: Final = re.compile(
    r"\+?(?P<sign>-)?0*(?P<whole>[0-9]+)?\.?(?P<fraction>(?<=\.)[0-9]+)?(?P<power>[eE][+-]?[0-9]+)?", re.ASCII
)
_WORDS_MEANT: Final = {
    **dict.fromkeys(("nan", "inf", "infinity"), "NaN"),
    **dict.fromkeys(("undefined", "none", "null", "nil"), "null"),
    "true": "true",
    "false": "false",
}
"""What programs write where JSON has no word for it; an infinite number means as little as none."""

_LONGEST_NUMBER: Final = 64
_LONGEST_PREFIX: Final = 40
_PREFIX: Final = re.compile(rf'[^{{}}\[\]"]{{0,{_LONGEST_PREFIX}}}(?={{)')

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

_STOMP_EVENTS: Final = {OTHER: "connected", ACK: "ack", NACK: "error", NEW: "message"}
"""What an interface in JSON would say instead."""

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
    bodies = read_values(text) or _amid_words(text)
    return Opened(bodies) if bodies else None


def read_values(text: str) -> list[Any]:
    """Read JSON values that follow each other, as programs write them.

    Python writes `NaN`, `Infinity`, lone surrogates and 1e999; others `nan`, `undefined`, `.5`, line feeds in texts, or
    a comma behind the last item. Empty if there is anything else, or what begins is no object and no array.
    """
    text = text.strip(_PADDING)
    if text[:1] not in ("{", "["):
        return []
    return _decoded(text) or _decoded(_mended(text))


def _amid_words(text: str) -> list[Any]:
    """Read JSON objects between a few characters each, such as lengths and marks."""
    bodies: list[Any] = []
    at = 0
    while match := _PREFIX.match(text, at):
        try:
            body, at = _decoder.raw_decode(text, match.end())
        except (ValueError, RecursionError):
            return []
        bodies += [body] if body else []
    return bodies if len(text) - at <= _LONGEST_PREFIX else []


def _decoded(text: str) -> list[Any]:
    bodies: list[Any] = []
    at = 0
    while at < len(text) and len(bodies) < _MOST_BODIES:
        if text[at] not in "{[":
            return []
        try:
            body, at = _decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return []
        bodies.append(body)
        while at < len(text) and text[at] in _BETWEEN:
            at += 1
    return bodies


def _mended(text: str) -> str:
    """Write what is no JSON outside of texts, and an escape that JSON lacks, as what was meant."""
    return _TOKEN.sub(_mend, text)


def _mend(token: re.Match[str]) -> str:
    written = token[0]
    if written[0] == '"':
        return _ESCAPE.sub(_mend_escape, written)
    if written[0] == ",":
        return ""
    word = written.lstrip("+-").lower()
    if word in _WORDS_MEANT:
        return _WORDS_MEANT[word]
    number = _NUMBER.fullmatch(written) if len(written) <= _LONGEST_NUMBER else None
    if number is None:
        return written
    fraction = f".{number['fraction']}" if number["fraction"] else ""
    return f"{number['sign'] or ''}{number['whole'] or 0}{fraction}{number['power'] or ''}"


def _mend_escape(escape: re.Match[str]) -> str:
    return escape[0] if _KNOWN_ESCAPE.fullmatch(escape[0]) else "\\" + escape[0]


def _read_integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float("inf")


_decoder: Final = json.JSONDecoder(parse_int=_read_integer, strict=False)


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
    values = [_with_texts_read(value) for value in read_values(match["body"] or "")]
    request_id = MISSING if match["id"] is None else to_request_id(int(match["id"]))
    return Opened(values, _SOCKET_IO_KINDS.get(match["kind"]), request_id)


def _with_texts_read(value: Any) -> Any:
    return [read_text(part) if type(part) is str else part for part in value] if type(value) is list else value


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
    bodies = [body for one in texts[:_MOST_BODIES] for body in (_inner(one) if type(one) is str else [one])]
    return Opened(bodies) if bodies else None


def _inner(text: str) -> list[Any]:
    """Read what a text holds that stands for a frame; the text itself if it is neither JSON nor STOMP."""
    stomp = _stomp(text)
    if stomp is None:
        return read_values(text) or [text]
    if stomp.msg_type is None:
        return stomp.bodies
    return [{"event": _STOMP_EVENTS[stomp.msg_type]}]


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
