"""Logs of FIX engines: a local time and a FIX message a line, both directions, other lines among them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ingest.mapping.fix_messages import BEGIN, Fields, Tag
from ingest.recordings.capture import shorten
from ingest.recordings.fix_frames import (
    Masking,
    find_start,
    local_time_ns,
    missing_bytes,
    parties,
    read_message,
)
from ingest.recordings.foreign_formats import Entry, Kind
from udfs.errors import ConfigError
from udfs.schema import MISSING

FORMAT: Final = "FIX"

_LOGON: Final = b"A"
_FROM_CLIENT: Final = frozenset({b"D", b"E", b"F", b"G", b"H", b"q", b"V"})
_FROM_VENUE: Final = frozenset({b"8", b"9", b"r", b"W", b"X", b"Y"})
"""Orders and what asks for something; answers, reports and market data."""

_MARK: Final = re.compile(
    r"\b(?:(incoming|inbound|received|recv)|outgoing|outbound|sent)\b|(?:(<-|<<|\bin\b|\brx\b)|->|>>|\bout\b|\btx\b)"
    r"\W*$",
    re.IGNORECASE | re.ASCII,
)
_MOST_HELD: Final = 10_000


def is_fix(line: bytes) -> bool:
    """Tell whether a line holds the beginning of a FIX message."""
    return find_start(line) is not None


def read_fix_log(lines: Iterable[bytes], path: Path, our_comp_id: str | None) -> Iterator[Entry]:
    """Read a log's entries: each line is in one of them; the frames of each connection are in order.

    Two CompIDs make a session, and each Logon of ours begins a connection of it. The side is ours that sends orders,
    and not the one that answers them; where nobody does either, the one that the log's marks show to be, else the one
    that logs on first. Until that is known, and until a Logon is answered, entries are held back.

    Parameters
    ----------
    lines : iterable of bytes
    path : path
        For sentences about it.
    our_comp_id : str, optional
        Our side in the sessions that have it.

    Raises
    ------
    ConfigError
        If it cannot be told which side of a session is ours, or no session has `our_comp_id`.
    """
    sessions: dict[frozenset[str], _Session] = {}
    masking = Masking()
    for entry, prefix, fields in _messages(lines, masking):
        comp_ids = None if fields is None else parties(fields)
        if fields is None:
            yield entry
        elif comp_ids is None:
            entry.kind = Kind.NO_PARTIES
            yield entry
        else:
            key = frozenset(comp_ids)
            ours = our_comp_id if our_comp_id is not None and our_comp_id in key else ""
            session = sessions.setdefault(key, _Session(names=comp_ids, path=path, ours=ours))
            yield from session.take(_Spoken(entry, comp_ids[0], fields.get(Tag.MSG_TYPE, b""), prefix))
    comp_ids_found = set[str]().union(*sessions)
    if our_comp_id is not None and sessions and our_comp_id not in comp_ids_found:
        raise ConfigError(
            f"Expected messages from or to {our_comp_id}, found those of {shorten(', '.join(sorted(comp_ids_found)))} "
            f"in {path}: correct --sender-comp-id"
        )
    for session in sessions.values():
        yield from session.end()


@dataclass
class _Spoken:
    entry: Entry
    sender: str
    kind: bytes
    prefix: str


@dataclass(kw_only=True)
class _Session:
    """What two sides say to each other; `ours` is empty until it is known."""

    names: tuple[str, str]
    path: Path
    ours: str
    _marked: str = ""
    _first_on: str = ""
    _held: list[_Spoken] = field(default_factory=list)
    _logon: Entry | None = None

    def take(self, spoken: _Spoken) -> Iterator[Entry]:
        """Take in a message; yield what is ripe."""
        if not self.ours:
            self._look_at(spoken)
        self._held.append(spoken)
        if len(self._held) >= _MOST_HELD:
            self._decide()
        if self.ours:
            yield from self._release()

    def end(self) -> Iterator[Entry]:
        """Yield the rest."""
        self._decide()
        yield from self._release()
        yield from self._give_up_logon()

    def _look_at(self, spoken: _Spoken) -> None:
        """Look for what tells which side is ours."""
        other = self.names[spoken.sender == self.names[0]]
        if spoken.kind in _FROM_CLIENT:
            self.ours = spoken.sender
        elif spoken.kind in _FROM_VENUE:
            self.ours = other
        elif spoken.kind == _LOGON:
            self._first_on = self._first_on or spoken.sender
        mark = _MARK.search(spoken.prefix)
        if mark and not self._marked:
            self._marked = other if mark[1] or mark[2] else spoken.sender

    def _decide(self) -> None:
        self.ours = self.ours or self._marked or self._first_on
        if not self.ours:
            raise ConfigError(
                f"Expected a Logon, an order or an answer between {' and '.join(self.names)}, found none in "
                f"{self.path}, so that nothing tells which side is ours: name ours by --sender-comp-id"
            )

    def _release(self) -> Iterator[Entry]:
        held, self._held = self._held, []
        for spoken in held:
            is_ours = spoken.sender == self.ours
            entry = spoken.entry
            entry.kind = Kind.SENT if is_ours else Kind.RECEIVED
            entry.connection = " ".join(sorted(self.names))
            if is_ours and spoken.kind == _LOGON:
                yield from self._give_up_logon()
                self._logon = entry
                continue
            if self._logon is not None:
                yield Entry(kind=Kind.CONNECT, connection=entry.connection, n_lines=0)
                yield self._logon
                self._logon = None
            yield entry

    def _give_up_logon(self) -> Iterator[Entry]:
        if self._logon is not None:
            self._logon.kind = Kind.UNANSWERED
            yield self._logon
            self._logon = None


def _messages(lines: Iterable[bytes], masking: Masking) -> Iterator[tuple[Entry, str, Fields | None]]:
    """Read the message of each line, masked, with what stands before it; no fields where there is none."""
    for number, group in _groups(lines):
        whole = _message(b"".join(group), number, len(group), masking)
        if whole[2] is not None or len(group) == 1:
            yield whole
        else:
            for n_before, line in enumerate(group):
                yield _message(line, number + n_before, 1, masking)


def _message(text: bytes, number: int, n_lines: int, masking: Masking) -> tuple[Entry, str, Fields | None]:
    start = find_start(text)
    found = None if start is None else read_message(text[start:].rstrip(b"\r\n"))
    if start is None or found is None:
        return Entry(kind=_kind_without_message(text), number=number, n_lines=n_lines), "", None
    fields, n_bytes = found
    ts_ns = local_time_ns(text[:start])
    if ts_ns == MISSING:
        return Entry(kind=Kind.NO_TIME, number=number, n_lines=n_lines), "", None
    frame = masking.to_frame(fields, n_bytes) if parties(fields) else ""
    entry = Entry(kind=Kind.RECEIVED, number=number, n_lines=n_lines, ts_ns=ts_ns, text=frame)
    return entry, text[:start].decode("latin-1"), fields


def _kind_without_message(line: bytes) -> Kind:
    if not line.strip():
        return Kind.BLANK
    if not line.endswith(b"\n"):
        return Kind.CUT
    return Kind.GARBLED if BEGIN in line else Kind.NO_MESSAGE


def _groups(lines: Iterable[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Gather the lines of a message that data with line feeds lays out over several, each group with its number."""
    group: list[bytes] = []
    first = n_missing = 0
    for number, line in enumerate(lines, start=1):
        start = find_start(line)
        if group and n_missing > 0 and start is None:
            group.append(line)
            n_missing -= len(line)
            continue
        if group:
            yield first, group
        group, first = [line], number
        n_missing = 0 if start is None else missing_bytes(line[start:])
    if group:
        yield first, group
