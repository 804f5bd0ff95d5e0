"""Counts what was handed over to Kafka and not acknowledged yet: how much, since when, and how long there is room."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

_BATCH_S: Final = 0.1
"""How exactly the age of what waits is known."""

_RATE_OVER_S: Final = 10.0
_SHORTEST_RATE_S: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """How much may wait before no more should come.

    Attributes
    ----------
    messages : int
        Number of messages.
    value_bytes : int
        Their values together; a waiting message takes about 250 bytes more than its value.
    """

    messages: int
    value_bytes: int


@dataclass(slots=True)
class Batch:
    """Messages that were handed over within the same tenth of a second."""

    began_s: float
    waiting: int = 0


class _Mark(NamedTuple):
    at_s: float
    sent: int
    sent_bytes: int


class Backlog:
    """What waits for acknowledgement; every time is seconds of one clock.

    A message is added to the batch of the present moment, and settled, in whatever order, on that same batch. Another
    thread may read while one adds and settles.
    """

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self.full = False
        self.sent = self.acknowledged = self.failed = self.sent_bytes = self.waiting_bytes = 0
        self._batches: deque[Batch] = deque()
        self._marks: deque[_Mark] = deque()

    def batch(self, now_s: float) -> Batch:
        """Return the batch for a message that is handed over now."""
        if not self._batches or now_s >= self._batches[-1].began_s + _BATCH_S:
            while self._batches and not self._batches[0].waiting:
                self._batches.popleft()
            self._batches.append(Batch(now_s))
            self._marks.append(_Mark(now_s, self.sent, self.sent_bytes))
            while self._marks[0].at_s < now_s - _RATE_OVER_S:
                self._marks.popleft()
        return self._batches[-1]

    def add(self, batch: Batch, value_bytes: int) -> None:
        """Count a message that was handed over."""
        batch.waiting += 1
        self.sent += 1
        self.sent_bytes += value_bytes
        self.waiting_bytes += value_bytes
        self.full = self.full or self._used_up()

    def settle(self, batch: Batch, value_bytes: int, *, acknowledged: bool) -> None:
        """Count a message that waits no more."""
        batch.waiting -= 1
        self.waiting_bytes -= value_bytes
        if acknowledged:
            self.acknowledged += 1
        else:
            self.failed += 1
        self.full = self.full and self._used_up(0.5)

    @property
    def waiting(self) -> int:
        """Messages handed over and neither acknowledged nor failed."""
        return self.sent - self.acknowledged - self.failed

    def oldest_age_s(self, now_s: float) -> float:
        """Return how long ago the oldest waiting message was handed over, to a tenth of a second; 0 if none waits."""
        return next((now_s - batch.began_s for batch in tuple(self._batches) if batch.waiting), 0.0)

    def lasts_s(self, now_s: float) -> float | None:
        """Return how long the room that is left lasts if messages come as they did in the last ten seconds.

        None if none came, or they have been coming for less than a second.
        """
        recent = [mark for mark in tuple(self._marks) if mark.at_s >= now_s - _RATE_OVER_S]
        if not recent or recent[0].sent == self.sent or now_s - recent[0].at_s < _SHORTEST_RATE_S:
            return None
        since = recent[0]
        room = (self.capacity.messages - self.waiting) / (self.sent - since.sent)
        room_bytes = (self.capacity.value_bytes - self.waiting_bytes) / max(1, self.sent_bytes - since.sent_bytes)
        return max(0.0, min(room, room_bytes)) * (now_s - since.at_s)

    def _used_up(self, share: float = 1.0) -> bool:
        capacity = self.capacity
        return self.waiting >= share * capacity.messages or self.waiting_bytes >= share * capacity.value_bytes
