"""Chains of numbers that name their predecessors: when one has broken off, and when nothing has happened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from jobs.reference.health import health_events
from udfs.schema import MISSING, MsgType, Session

MS = 10**6
START_NS = 1_790_000_000 * 10**9

Link = tuple[int, int]
"""A number's predecessor, and the number."""


def links(numbers: Iterable[int]) -> list[Link]:
    """Name of each number but the first the one before."""
    listed = list(numbers)
    return list(zip(listed[:-1], listed[1:], strict=True))


def examine(messages: list[Link], *, pause_ns: int = 20 * MS, acks: Iterable[int] = ()) -> list[dict[str, Any]]:
    """Examine messages that come at one pace, some of which are answers without numbers."""
    n = len(messages)
    prev_seq, seq = np.array(messages).T.copy()
    msg_type = np.zeros(n, dtype=np.int64)
    for place in acks:
        seq[place] = prev_seq[place] = MISSING
        msg_type[place] = MsgType.ACK
    none = np.full(n, MISSING)
    session = Session(
        connection_id="c",
        declared_exchange=None,
        recv_ts_ns=START_NS + pause_ns * np.arange(n),
        exchange_ts_ns=none,
        msg_type=msg_type,
        seq=seq,
        request_id=none,
        payload_bytes=none,
        prev_seq=prev_seq,
    )
    return health_events(session, np.arange(1000, 1000 + n))


def kinds(messages: list[Link], **options: Any) -> list[tuple[str, int | None]]:
    return [(event["kind"], event["n_missing"]) for event in examine(messages, **options)]


# Numbers that jump, as of a market's count: 100 messages, of which each but the first continues one of them.
KEPT = links(range(1000, 1000 + 7 * 101, 7))
LAST = 1700


def test_a_gap_is_told_when_the_old_chain_is_late_and_the_new_one_goes_on() -> None:
    """A chain with pauses of 20 ms is late after 250 ms, at the 13th message behind its last one."""
    after = links(range(LAST + 5, LAST + 5 + 7 * 40, 7))
    messages = [(993, 1000), *KEPT, *after]
    (event,) = examine(messages)
    assert (event["kind"], event["seq_before"], event["seq"], event["n_missing"]) == ("gap", LAST, LAST + 12, 5)
    assert (event["since_offset"], event["kafka_offset"], event["messages"]) == (1100, 1113, 114)
    assert kinds(messages[:113]) == []


def test_numbers_without_predecessors_are_as_they_were() -> None:
    """The same numbers, of which the job knows only that they rise."""
    after = links(range(LAST + 5, LAST + 5 + 7 * 40, 7))
    assert kinds([(MISSING, seq) for _, seq in [*KEPT, *after]]) == []


@pytest.mark.parametrize(
    ("kept", "expected"), [(KEPT, []), ([(993, 1000), *KEPT], [("gap", 5)])], ids=["99 links", "100 links"]
)
def test_a_chain_is_established_by_100_links(kept: list[Link], expected: list[tuple[str, int]]) -> None:
    """The first message has nothing before it that it could continue."""
    assert kinds([*kept, *links(range(LAST + 5, LAST + 5 + 7 * 40, 7))]) == expected


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        (links(range(0, 280, 7)), "reset"),
        (links(range(1007, 1007 + 280, 7)), "reset"),
        ([KEPT[-1], *links(range(LAST, LAST + 280, 7))], "repeat"),
    ],
    ids=["from the beginning", "some again", "the last again"],
)
def test_numbers_that_go_back_are_one_event(after: list[Link], kind: str) -> None:
    assert kinds([(993, 1000), *KEPT, *after]) == [(kind, None)]


def test_the_new_chain_is_established_as_the_old_one_was() -> None:
    second = links(range(LAST + 5, LAST + 5 + 7 * 40, 7))
    third = links(range(5000, 5000 + 7 * 40, 7))
    assert kinds([(993, 1000), *KEPT, *second, *third]) == [("gap", 5), ("gap", 5000 - second[-1][1])]


def interleave(*chains: list[Link]) -> list[Link]:
    return [link for at_once in zip(*chains, strict=True) for link in at_once]


def test_of_several_chains_one_breaks() -> None:
    chains = [links(range(10**6 * k, 10**6 * k + 3 * 301, 3)) for k in (1, 2, 3)]
    assert kinds(interleave(*chains)) == []
    del chains[1][150:155]
    assert kinds(interleave(*(chain[:295] for chain in chains))) == [("gap", 15)]


def test_all_chains_break_at_once() -> None:
    chains = [links(range(10**6 * k, 10**6 * k + 3 * 301, 3)) for k in (1, 2, 3)]
    together = interleave(*chains)
    del together[600:618]
    assert kinds(together) == [("gap", 18)] * 3


def test_a_new_symbol_is_no_break() -> None:
    old, new = links(range(1000, 1000 + 7 * 601, 7)), links(range(900_000, 900_000 + 2 * 1501, 2))
    slow = [link for i in range(300) for link in (old[300 + i], *new[5 * i : 5 * i + 5])]
    assert kinds([*old[:300], *slow]) == []
    assert kinds([*old[:300], *new[:9], *old[300:]]) == [], "a burst, after which the old one goes on"


def test_a_chain_that_ended_long_ago_is_not_missed() -> None:
    """One symbol ends, another goes on, and 20 s later a third begins."""
    ended, other = links(range(1000, 1000 + 7 * 201, 7)), links(range(10**6, 10**6 + 2501))
    new = links(range(5 * 10**6, 5 * 10**6 + 400))
    assert kinds([*interleave(ended, other[:200]), *other[200:1400], *interleave(new, other[1400:1799])]) == []


def test_what_was_asked_for_is_no_break() -> None:
    messages = [(993, 1000), *KEPT, (0, 0), *links(range(90_000, 90_300))]
    assert kinds(messages) == [("gap", 90_000 - LAST)], "without a word in between"
    assert kinds(messages, acks=[101]) == []


@pytest.mark.parametrize("snapshot", [(-1, 90_000), (MISSING, 90_000)], ids=["no predecessor is -1", "none is named"])
def test_a_snapshot_begins_anew(snapshot: Link) -> None:
    assert kinds([(993, 1000), *KEPT, snapshot, *links(range(90_000, 90_300))]) == []


def test_where_numbers_without_predecessors_are_frequent_they_are_no_snapshots() -> None:
    """As of Binance's best prices, which have the number of the book's update."""
    links_of_book = [(993, 1000), *KEPT, *links(range(LAST + 5, LAST + 5 + 7 * 40, 7))]
    messages = [message for link in links_of_book for message in ((MISSING, link[0]), link)]
    assert kinds(messages) == [("gap", 5)]


def test_a_lower_number_that_names_its_predecessor_is_no_break() -> None:
    """A venue begins to count anew and says so."""
    assert kinds([(993, 1000), *KEPT, (LAST, 3), *links(range(3, 300))]) == []


def test_idle_messages_repeat_their_predecessor() -> None:
    assert kinds([link for before, number in KEPT for link in ((before, number), (number, number))]) == []


def test_two_streams_of_one_book_that_meet_in_a_number() -> None:
    """Each tenth update of the fast one ends where one of the slow one does."""
    fast = links(range(0, 5000, 5))
    messages = []
    for i, link in enumerate(fast, start=1):
        messages.append(link)
        if i % 10 == 0:
            messages.append((link[1] - 50, link[1]))
    assert kinds(messages) == []


def test_more_chains_than_are_remembered_raise_nothing() -> None:
    chains = [links(range(10**6 * k, 10**6 * k + 131)) for k in range(200)]
    assert kinds(interleave(*chains), pause_ns=MS) == []
    del chains[3][110]
    assert kinds(interleave(*(chain[:129] for chain in chains)), pause_ns=MS) == []


def test_an_idle_gap_begins_anew() -> None:
    messages = [(993, 1000), *KEPT]
    n = len(messages)
    after = links(range(LAST + 5, LAST + 285, 7))
    times = np.concatenate([np.arange(n), 3_600_000 + n + np.arange(len(after))]) * MS
    prev_seq, seq = np.array([*messages, *after]).T.copy()
    none = np.full(len(seq), MISSING)
    session = Session(
        **{"connection_id": "c", "declared_exchange": None, "recv_ts_ns": START_NS + times, "exchange_ts_ns": none},
        **{"msg_type": none * 0, "seq": seq, "request_id": none, "payload_bytes": none, "prev_seq": prev_seq},
    )
    assert health_events(session, np.arange(len(seq))) == []
