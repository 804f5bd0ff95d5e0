"""What is wrong with a connection, computed from its messages one after the other: the rules of the job, in Python.

`gap`, `repeat`, `reset`: the numbers have kept a promise long enough that it is no accident, and now break it; or
those that name their predecessors name one that was not there (`jobs.reference.number_chains`). Where all numbers
together promise nothing, each is taken for one of several counters, of which it names the one below.
`stall`, `data_stall`, `heartbeat_stall`: nothing, only heartbeats, or only data came for far longer than ever lately.
`drift`: windows follow each other at another rate than earlier ones did (`jobs.reference.drift`).
After an event what it was about is learnt anew, as all is after an idle gap that begins a segment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from jobs.pipeline.result_tables import HEALTH_EVENTS, RESULT_TABLES
from jobs.reference.drift import Change, Drift
from jobs.reference.number_chains import MOST_COUNTERS, Break, NumberChains, Place
from jobs.reference.result_rows import Columns
from jobs.reference.scored_windows import PartitionMessages
from udfs.rows import iso_timestamps
from udfs.schema import MISSING, WINDOW_SIZE, WINDOW_SLIDE, Int64Array, MsgType, Session
from udfs.windows import IDLE_GAP_NS, segments

LEAST_STEPS_OF_ONE: Final = 200
LEAST_STEPS_UP: Final = 2000
LEAST_ABOVE: Final = 1000
"""Numbers after which one more is promised, a higher one, and none below all."""

LEAST_PAUSES: Final = 200
LEAST_HEARTBEATS: Final = 20
PAUSES_OF_BLOCK: Final = 1000
LEAST_LIMIT_NS: Final = 5 * 10**9
LONGEST_PAUSES: Final = 4
"""A limit is as many times the longest pause of this block and the one before, once so many pauses are known."""

OF_SOME_KINDS: Final = ("seq_before", "seq", "n_missing", "silence_s", "limit_s", "rate_before", "rate_now", "score")
"""Columns that are NULL in an event of another kind."""

Event = dict[str, Any]

EXAMINED: Final = ("recv_ts_ns", "kafka_offset", "msg_type", "seq", "prev_seq")
"""The columns of a message that its health depends on."""


def health_events(session: Session, offsets: Int64Array, idle_gap_ns: int = IDLE_GAP_NS) -> list[Event]:
    """List what the job writes of a connection into `health_events`, in order, without what says whose it is.

    Parameters
    ----------
    session : Session
        Its messages in arrival order.
    offsets : (n,) int64
        Offset of each in its partition.
    idle_gap_ns : int
        The longest idle gap within a segment.
    """
    events: list[Event] = []
    for part in segments(session.recv_ts_ns, idle_gap_ns):
        columns = (session.recv_ts_ns, offsets, session.msg_type, session.seq, session.prev_seq)
        events += _segment_events([column[part] for column in columns])
    return [_with_text(event) for event in events]


def health_rows(messages: PartitionMessages) -> Columns:
    """Lay out the rows of `health_events` of a partition, by column."""
    table = RESULT_TABLES[HEALTH_EVENTS]
    found: dict[str, list[Any]] = {name: [] for name in table.results}
    ends = np.cumsum(messages.lengths)
    for name, start, end in zip(messages.connection_ids, ends - messages.lengths, ends, strict=True):
        part = {column: values[start:end] for column, values in messages.columns.items()}
        offsets = part["kafka_offset"]
        for event in _segment_events([part[column] for column in EXAMINED]):
            declared = messages.declared[start + np.searchsorted(offsets, event["kafka_offset"])]
            whose = {"connection_id": name, "kafka_partition": messages.kafka_partition, "declared_exchange": declared}
            row = whose | _with_text(event)
            for column in table.in_order(row):
                found[column].append(row[column])
    return found


def _segment_events(examined: list[Int64Array]) -> Iterator[Event]:
    health, drift = Health(), Drift()
    for n, (time_ns, offset, kind, seq, prev_seq) in enumerate(zip(*(c.tolist() for c in examined), strict=True), 1):
        place = (time_ns, offset)
        if n >= WINDOW_SIZE and n % WINDOW_SLIDE == 0 and (changed := drift.take(place)):
            yield _rate_event(changed, place) | {"messages": n}
        for event in health.take(place, kind, seq, prev_seq):
            yield event | {"messages": n}


@dataclass
class _IntervalTracker:
    """The pauses between messages of some sort."""

    places: list[Place] = field(default_factory=list)
    pauses_ns: list[int] = field(default_factory=list)

    def take(self, place: Place) -> None:
        if self.places:
            self.pauses_ns.append(place[0] - self.places[-1][0])
        self.places.append(place)

    @property
    def longest_ns(self) -> int:
        whole_blocks = len(self.pauses_ns) // PAUSES_OF_BLOCK
        return max([0, *self.pauses_ns[max(0, whole_blocks - 1) * PAUSES_OF_BLOCK :]])

    @property
    def limit_ns(self) -> int:
        return max(LEAST_LIMIT_NS, LONGEST_PAUSES * self.longest_ns)

    def fault(self, kind: str, place: Place) -> Event | None:
        """Say what is wrong if the pause up to there is too long."""
        pause_ns = place[0] - self.places[-1][0] if self.places else 0
        if pause_ns <= LEAST_LIMIT_NS or pause_ns <= (limit_ns := self.limit_ns):
            return None
        return _event(kind, self.places[-1], place) | {"silence_s": pause_ns / 1e9, "limit_s": limit_ns / 1e9}


class Health:
    """One segment of a connection."""

    def __init__(self) -> None:
        self._numbers: list[tuple[Place, int]] = []
        self._steps_of_one = self._steps_up = 0
        self._lowest = 0
        self._chains, self._counters = NumberChains(), NumberChains(MOST_COUNTERS)
        self._learn_intervals()

    def _learn_intervals(self) -> None:
        self._all, self._data = _IntervalTracker(), _IntervalTracker()
        self._learn_heartbeats()

    def _learn_heartbeats(self) -> None:
        self._heartbeats, self._amid_data = _IntervalTracker(), 0

    def take(self, place: Place, msg_type: int, seq: int, prev_seq: int) -> Iterator[Event]:
        """Take in a message; yield what it shows to be wrong."""
        if len(self._all.pauses_ns) >= LEAST_PAUSES and (stall := self._all.fault("stall", place)):
            self._learn_intervals()
            yield stall
        self._all.take(place)
        fault = self._take_heartbeat(place) if msg_type == MsgType.HEARTBEAT else self._take_data(place)
        if fault:
            yield fault
        if msg_type == MsgType.ACK:
            self._chains.answer(place[1])
            self._counters.answer(place[1])
        is_idle = msg_type == MsgType.HEARTBEAT and prev_seq == MISSING and self._is_at(seq)
        if seq == MISSING or is_idle:
            return
        if prev_seq == MISSING:
            self._chains.begin(seq)
            fault = self._take_number(place, seq)
            if fault or self._promises():
                self._counters = NumberChains(MOST_COUNTERS)
            elif broken := self._counters.take_step(place, seq):
                fault = _chain_event(broken, place)
                self._forget_numbers()
            if fault:
                yield fault
        elif broken := self._chains.take(place, prev_seq, seq):
            yield _chain_event(broken, place)

    def _take_heartbeat(self, place: Place) -> Event | None:
        fault = self._data.fault("data_stall", place) if len(self._data.pauses_ns) >= LEAST_PAUSES else None
        if fault:
            self._data = _IntervalTracker()
        last = [tracker.places[-1][1] for tracker in (self._heartbeats, self._data) if tracker.places]
        self._amid_data += len(last) == 2 and last[1] > last[0]
        self._heartbeats.take(place)
        return fault

    def _take_data(self, place: Place) -> Event | None:
        fault = self._heartbeats.fault("heartbeat_stall", place) if self._amid_data >= LEAST_HEARTBEATS else None
        if fault and not self._is_steady():
            fault = None
        if fault:
            self._learn_heartbeats()
        self._data.take(place)
        return fault

    def _is_steady(self) -> bool:
        places = self._heartbeats.places
        return self._heartbeats.longest_ns <= 2 * (places[-1][0] - places[0][0]) // (len(places) - 1)

    def _is_at(self, seq: int) -> bool:
        """Tell the number that came last, which a heartbeat may repeat."""
        return bool(self._numbers) and self._numbers[-1][1] == seq

    def _take_number(self, place: Place, seq: int) -> Event | None:
        event = None
        if self._numbers:
            last_place, last = self._numbers[-1]
            kind = self._broken_promise(seq - last, seq)
            if kind:
                n_missing = min(seq - last - 1, 2**63 - 1) if kind == "gap" else None
                event = _event(kind, last_place, place) | {"seq_before": last, "seq": seq, "n_missing": n_missing}
                self._forget_numbers()
            else:
                self._steps_of_one = self._steps_of_one + 1 if seq - last == 1 else 0
                self._steps_up = self._steps_up + 1 if seq > last else 0
        self._lowest = min(self._lowest, seq) if self._numbers else seq
        self._numbers.append((place, seq))
        return event

    def _forget_numbers(self) -> None:
        self._numbers = []
        self._steps_of_one = self._steps_up = 0

    def _promises(self) -> bool:
        return self._steps_of_one >= LEAST_STEPS_OF_ONE or self._steps_up >= LEAST_STEPS_UP

    def _broken_promise(self, step: int, seq: int) -> str | None:
        kind = "gap" if step > 1 else "repeat" if step == 0 else "reset"
        if self._steps_of_one >= LEAST_STEPS_OF_ONE and step != 1:
            return kind
        if self._steps_up >= LEAST_STEPS_UP and step <= 0:
            return kind
        return "reset" if len(self._numbers) >= LEAST_ABOVE and seq < self._lowest else None


def _chain_event(broken: Break, place: Place) -> Event:
    numbers = {"seq_before": broken.seq_before, "seq": broken.seq, "n_missing": broken.n_missing}
    return _event(broken.kind, broken.since, place) | numbers


def _rate_event(changed: Change, place: Place) -> Event:
    rates = {"rate_before": changed.rate_before, "rate_now": changed.rate_now, "score": changed.score}
    return _event("drift", changed.since, place) | rates


def _event(kind: str, since: Place, place: Place) -> Event:
    nothing = dict.fromkeys(OF_SOME_KINDS)
    times = {"since_at": since[0], "detected_at": place[0]}
    return nothing | times | {"kind": kind, "since_offset": since[1], "kafka_offset": place[1]}


def _with_text(event: Event) -> Event:
    names = ("since_at", "detected_at")
    return event | dict(zip(names, iso_timestamps(np.array([event[name] for name in names])).tolist(), strict=True))
