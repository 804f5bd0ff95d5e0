"""When a recorded message is due in a replay."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from udfs.errors import ConfigError
from udfs.schema import Session

_SECOND_NS: Final = 10**9


class Pace:
    """Maps recorded times to seconds since the start of a replay, leaving out the time when no connection was open.

    Parameters
    ----------
    sessions : sequence of Session
        A session is open from its earliest to its latest message.
    speed : float
        Recorded seconds per replayed second.

    Raises
    ------
    ConfigError
        If the speed is not positive.
    """

    def __init__(self, sessions: Sequence[Session], speed: float) -> None:
        if not speed > 0:
            raise ConfigError(
                f"Expected a speed above 0, such as 1.0 for the recorded pace, found {speed}: choose another"
            )
        self._speed = speed
        self._starts_ns: list[int] = []
        self._skipped_ns: list[int] = []
        opened = sorted((int(s.recv_ts_ns.min()), int(s.recv_ts_ns.max())) for s in sessions if len(s))
        end_ns = skipped_ns = opened[0][0] - 1 if opened else 0
        for start_ns, last_ns in opened:
            if start_ns > end_ns:
                skipped_ns += start_ns - end_ns
                self._starts_ns.append(start_ns)
                self._skipped_ns.append(skipped_ns)
            end_ns = max(end_ns, last_ns)

    def due_s(self, recv_ts_ns: int) -> float:
        """Return when a message is due, in seconds since the start."""
        skipped_ns = self._skipped_ns[bisect_right(self._starts_ns, recv_ts_ns) - 1]
        return (recv_ts_ns - skipped_ns) / _SECOND_NS / self._speed
