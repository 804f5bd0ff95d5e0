"""Numbers that name their predecessors: which chain each one continues, and which chain has broken off.

A connection may have several chains, one a symbol, and nothing says which of them a number belongs to but the number
before it: a message continues the chain whose last number it names. One that names none of them begins a chain. That is
a break of another chain if an established one has been silent from then on for far longer than ever, though it was
awaited when the connection was last heard of before. A new symbol breaks nothing, for the others go on.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

from udfs.schema import MISSING

LEAST_LINKS: Final = 100
"""A chain is established when it was continued so often."""

LEAST_NEW_LINKS: Final = 10
"""So often a chain has gone on that takes the place of another."""

LEAST_BREAK_NS: Final = 250 * 10**6
LONGEST_PAUSES_OF_CHAIN: Final = 4
"""It is late after as many times the longest pause that it had, and never before so long."""

AWAITED_LIMITS: Final = 4
"""So many times as long it is still expected; then it has ended."""

MOST_CHAINS: Final = 128
MOST_COUNTERS: Final = 32
"""Of numbers that name no predecessor, and that step by one in each of several counters."""

MOST_BEGINNINGS: Final = 8
"""So many numbers without a predecessor are remembered, of which each may be a snapshot that a chain continues."""

LINKS_TO_A_BEGINNING: Final = 10
"""Where fewer links come to a number without a predecessor, those are no snapshots, and equal a link's by accident."""

Place = tuple[int, int]
"""Receive time and offset of a message."""


class Break(NamedTuple):
    """A chain that has broken off, and the number with which it went on."""

    kind: str
    since: Place
    seq_before: int
    seq: int
    n_missing: int | None


class _Head(NamedTuple):
    """The message with which a chain began that continues none."""

    names: int
    seq: int
    offset: int
    heard_ns: int
    """When any chain was last continued, or begun, before."""
    answered: int
    """Offset of the last answer before."""


@dataclass
class _Chain:
    last: int
    place: Place
    head: _Head | None
    """What may show that another chain has broken off; None when it does not."""
    links: int = 0
    longest_ns: int = 0

    @property
    def is_established(self) -> bool:
        return self.links >= LEAST_LINKS

    @property
    def limit_ns(self) -> int:
        return max(LEAST_BREAK_NS, LONGEST_PAUSES_OF_CHAIN * self.longest_ns)

    def is_late(self, time_ns: int) -> bool:
        return time_ns - self.place[0] > self.limit_ns

    def is_awaited(self, time_ns: int) -> bool:
        return time_ns - self.place[0] <= AWAITED_LIMITS * self.limit_ns

    def go_on(self, place: Place, seq: int) -> None:
        self.longest_ns = max(self.longest_ns, place[0] - self.place[0])
        self.last, self.place = seq, place
        self.links += 1


class NumberChains:
    """The chains of one segment of a connection."""

    def __init__(self, most: int = MOST_CHAINS) -> None:
        self._most = most
        self._chains: list[_Chain] = []  # the one that was continued last is at the end
        self._beginnings = deque[int](maxlen=MOST_BEGINNINGS)
        self._answered = MISSING
        self._n_links = self._n_beginnings = 0

    def answer(self, offset: int) -> None:
        """Take note of a yes to a request: what ends before it, or begins after it, may have been asked for."""
        if self._chains:
            self._answered = offset

    def begin(self, seq: int) -> None:
        """Take note of a number without a predecessor."""
        if self._chains:
            self._beginnings.append(seq)
            self._n_beginnings += 1

    def take_step(self, place: Place, seq: int) -> Break | None:
        """Take in a number that names no predecessor: the one below, unless it says again where a chain is."""
        if any(chain.last == seq for chain in self._chains):
            return None
        return self.take(place, seq - 1, seq)

    def take(self, place: Place, prev_seq: int, seq: int) -> Break | None:
        """Take in a number and its predecessor; say if by now a chain has broken off."""
        chain = next((chain for chain in reversed(self._chains) if chain.last == prev_seq), None)
        if chain is None:
            self._open(place, prev_seq, seq)
            return None
        chain.go_on(place, seq)
        self._n_links += 1
        self._chains.remove(chain)
        self._chains.append(chain)
        return self._broken_by(chain, chain.head, place[0]) if chain.head else None

    def _open(self, place: Place, prev_seq: int, seq: int) -> None:
        head = None
        if self._chains and prev_seq >= 0 and not self._follows_snapshot(prev_seq):
            head = _Head(prev_seq, seq, place[1], self._chains[-1].place[0], self._answered)
        if len(self._chains) == self._most:
            fleeting = next((chain for chain in self._chains if not chain.is_established), None)
            if fleeting is None:
                return
            self._chains.remove(fleeting)
        self._chains.append(_Chain(seq, place, head))

    def _follows_snapshot(self, prev_seq: int) -> bool:
        return prev_seq in self._beginnings and self._n_links >= LINKS_TO_A_BEGINNING * self._n_beginnings

    def _broken_by(self, chain: _Chain, head: _Head, time_ns: int) -> Break | None:
        missed = [other for other in reversed(self._chains) if _may_continue(head, other)]
        if not missed:
            chain.head = None
        if not missed or chain.links < LEAST_NEW_LINKS:
            return None
        broken = min(missed, key=lambda other: abs(head.names - other.last))
        if not broken.is_late(time_ns):
            return None
        self._chains.remove(broken)
        chain.head = None
        chain.links += broken.links
        chain.longest_ns = max(chain.longest_ns, broken.longest_ns)
        kind = "gap" if head.names > broken.last else "repeat" if head.seq == broken.last else "reset"
        n_missing = min(head.names - broken.last, 2**63 - 1) if kind == "gap" else None
        return Break(kind, broken.place, broken.last, head.seq, n_missing)


def _may_continue(head: _Head, other: _Chain) -> bool:
    """Tell whether a chain began in place of another: it was expected then, and has not come since."""
    was_before = head.answered < other.place[1] < head.offset
    return was_before and other.is_established and other.is_awaited(head.heard_ns)
