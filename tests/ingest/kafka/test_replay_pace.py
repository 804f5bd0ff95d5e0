"""Three connections, one tick a second::

recorded   100  101  102  103  104         900  901
a           [---------]
b                [---------]
c                                           [---]
replayed    0    1    2    3                3    4      (from 103 to 900 nobody was there)
"""

from __future__ import annotations

import numpy as np
import pytest

from ingest.kafka.replay_pace import Pace
from udfs.errors import ConfigError
from udfs.schema import MISSING, Session

SECOND_NS = 10**9


def _session(*seconds: int) -> Session:
    missing = np.full(len(seconds), MISSING)
    return Session(
        connection_id=f"c{seconds}",
        declared_exchange=None,
        recv_ts_ns=np.array(seconds, dtype=np.int64) * SECOND_NS,
        exchange_ts_ns=missing,
        msg_type=np.zeros(len(seconds), dtype=np.int64),
        seq=missing,
        request_id=missing,
        payload_bytes=missing,
    )


SESSIONS = (_session(900, 901), _session(101, 103), _session(100, 102))


@pytest.mark.parametrize(("recorded_s", "due_s"), [(100, 0), (101, 1), (102, 2), (103, 3), (900, 3), (901, 4)])
def test_silence_counts_only_inside_connections(recorded_s: int, due_s: int) -> None:
    assert Pace(SESSIONS, 1.0).due_s(recorded_s * SECOND_NS) == due_s
    assert Pace(SESSIONS, 2.0).due_s(recorded_s * SECOND_NS) == due_s / 2


def test_a_session_whose_clock_goes_back_is_open_from_its_earliest_message() -> None:
    pace = Pace([_session(105, 101, 110)], 1.0)
    assert [pace.due_s(s * SECOND_NS) for s in (105, 101, 110)] == [4, 0, 9]


def test_the_order_of_the_sessions_and_empty_ones_do_not_matter() -> None:
    pace = Pace([_session(), *SESSIONS[::-1]], 1.0)
    assert pace.due_s(901 * SECOND_NS) == 4


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_speed_must_be_positive(speed: float) -> None:
    with pytest.raises(ConfigError, match="speed above 0"):
        Pace(SESSIONS, speed)
