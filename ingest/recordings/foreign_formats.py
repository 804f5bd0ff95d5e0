"""The raw recordings of other projects, line by line.

hftbacktest's collectors write `<local time> <frame>`, the time in ns (the collector in Rust) or µs (the one in
Python before it). A file holds one symbol of one day, whatever connections it came over, and the order books fetched
over HTTP stand among the frames without a mark.

cryptofeed's raw collection writes, as Python prints them:

| line | what |
|---|---|
| `configuration: {...}` | what was subscribed |
| `<url> <-> <time>` | a connection is about to be made |
| `<url> <- <time>: <frame>` | sent |
| `<url> -> <time>: <body>` | an HTTP answer |
| `<time>: <frame>` | received |

Times are seconds with a fraction. Binary frames are bytes literals, compressed as the venue sent them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

import orjson

from ingest.mapping.values import to_epoch_ns
from ingest.recordings.binary_frames import to_text
from ingest.recordings.capture import shorten
from ingest.recordings.whole_lines import Torn
from udfs.errors import SchemaError
from udfs.schema import MISSING


class Kind(StrEnum):
    """What a line of a recording is; the values are words for the user."""

    RECEIVED = "received"
    SENT = "sent"
    CONNECT = "connect"
    CONFIGURATION = "configuration"
    HTTP = "HTTP answer"
    BLANK = "blank"
    CUT = "cut off"
    NO_MESSAGE = "no FIX message"
    GARBLED = "garbled FIX message"
    NO_TIME = "FIX message without a local time"
    NO_PARTIES = "FIX message without two CompIDs"
    UNANSWERED = "Logon without an answer"


@dataclass(kw_only=True)
class Entry:
    """One line of a recording, or several if the frame or the answer in it has several.

    Attributes
    ----------
    connection : str
        Which of several connections at a time, where lines tell.
    """

    kind: Kind
    number: int = 0
    ts_ns: int = 0
    url: str = ""
    text: str = ""
    n_lines: int = 1
    connection: str = field(default="", repr=False)

    @property
    def is_frame(self) -> bool:
        """Whether it belongs into a capture."""
        return self.kind in (Kind.RECEIVED, Kind.SENT)


Parser = Callable[[str], Entry | None]
"""Reads the entry that a line begins; None if it begins none."""

_HFTBACKTEST: Final = re.compile(r"([0-9]{10,19}) (.*)", re.DOTALL)
_CRYPTOFEED_FRAME: Final = re.compile(r"([0-9]{9,10}(?:\.[0-9]{1,12})?): (.*)", re.DOTALL)
_CRYPTOFEED_OTHER: Final = re.compile(r"(\S+) (<->|<-|->) ([0-9]{9,10}(?:\.[0-9]{1,12})?)(?:: (.*))?", re.DOTALL)
_BYTES_LITERAL: Final = re.compile(r"""b'(?:[^'\\\n]|\\.)*'|b"(?:[^"\\\n]|\\.)*\"""")
"""One and no more: what is put together of many would take a hundred times its size to parse."""
_CONFIGURATION: Final = "configuration: "
_MOST_LINES: Final = 10_000
"""Of one frame: each one more is parsed with all before it."""
_ARROWS: Final = MappingProxyType({"<->": Kind.CONNECT, "<-": Kind.SENT, "->": Kind.HTTP})


def parse_hftbacktest(line: str) -> Entry | None:
    """Read a line of hftbacktest's collectors.

    >>> parse_hftbacktest('1680652800004107 {"e":1}').ts_ns
    1680652800004107000
    """
    match = _HFTBACKTEST.fullmatch(line)
    return _entry(Kind.RECEIVED, match[1], match[2]) if match else None


def parse_cryptofeed(line: str) -> Entry | None:
    """Read a line of cryptofeed's raw collection.

    >>> parse_cryptofeed("1617647603.4249449: b'ping'")
    Entry(kind=<Kind.RECEIVED: 'received'>, number=0, ts_ns=1617647603424944900, url='', text='ping', n_lines=1)
    """
    if line.startswith(_CONFIGURATION):
        return Entry(kind=Kind.CONFIGURATION)
    match = _CRYPTOFEED_FRAME.fullmatch(line)
    if match:
        return _entry(Kind.RECEIVED, match[1], _unquote(match[2]))
    match = _CRYPTOFEED_OTHER.fullmatch(line)
    if match is None or (match[2] == "<->") is not (match[4] is None):
        return None
    return _entry(_ARROWS[match[2]], match[3], _unquote(match[4] or ""), match[1])


FORMATS: Final = MappingProxyType({"hftbacktest": parse_hftbacktest, "cryptofeed": parse_cryptofeed})


def detect_format(line: str) -> str | None:
    """Tell by its first line that is not blank which format a recording has; None if it has neither."""
    return next((name for name, parse in FORMATS.items() if parse(line) is not None), None)


def read_entries(lines: Iterable[bytes], parse: Parser, path: Path) -> Iterator[Entry]:
    """Read a recording's entries.

    A line that begins no entry continues an HTTP answer, or a frame that is not whole JSON yet: some are laid out over
    several lines. A last line that does not end, nor hold whole JSON, is cut off, and so is one beside a loss.

    Raises
    ------
    SchemaError
        At any other line.
    """
    entry: Entry | None = None
    for number, raw in enumerate(lines, start=1):
        line = _decode(raw)
        if line == "":
            yield Entry(kind=Kind.BLANK, number=number)
            continue
        begun = None if line is None else parse(line)
        may_be_cut = isinstance(raw, Torn) or not raw.endswith(b"\n")
        if may_be_cut and (begun is None or (begun.is_frame and not _is_json(begun.text))):
            begun = Entry(kind=Kind.CUT)
        if begun is None:
            _continue(entry, line, f"line {number} of {path}")
            continue
        if entry is not None:
            yield entry
        entry = begun
        entry.number = number
    if entry is not None:
        yield entry


def _continue(entry: Entry | None, line: str | None, where: str) -> None:
    if line is None:
        raise SchemaError(f"Expected UTF-8 text, found other bytes in {where}: take another copy of it")
    if entry is not None and entry.is_frame and entry.n_lines < _MOST_LINES and not _is_json(entry.text):
        entry.text += "\n" + line
    elif entry is None or entry.kind is not Kind.HTTP:
        raise SchemaError(f"Expected {line_forms()}, found {shorten(line)} in {where}: correct or remove it")
    entry.n_lines += 1


def line_forms() -> str:
    """Say what lines recordings have."""
    return "`<local time> <frame>` (hftbacktest), `<time>: <frame>` (cryptofeed) or `<time> 8=FIX...` (a FIX log)"


def _entry(kind: Kind, time: str, text: str, url: str = "") -> Entry | None:
    ts_ns = to_epoch_ns(time)
    return None if ts_ns == MISSING else Entry(kind=kind, ts_ns=ts_ns, url=url, text=text)


def _unquote(text: str) -> str:
    if not _BYTES_LITERAL.fullmatch(text):
        return text
    try:
        data = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return to_text(data) if type(data) is bytes else text


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _decode(raw: bytes) -> str | None:
    try:
        return raw.removesuffix(b"\n").removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        return None
