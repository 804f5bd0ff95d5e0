"""Sessions written as frames of no venue's form come back from the mapper as they were."""

from __future__ import annotations

import numpy as np
import pytest

from ingest.mapping.frame_mapper import map_frame
from ingest.recordings.neutral_frames import to_neutral_frames
from synthetic.open_world.unknown_venues import unknown_venue_sessions
from synthetic.sessions import LabelledSession, synthetic_sessions

START_NS = 1_700_000_000 * 10**9
DRAWN = [
    *synthetic_sessions(per_exchange=3, seed=1, start_ns=START_NS, n_messages=400),
    *unknown_venue_sessions(n=6, seed=1, start_ns=START_NS, n_messages=400),
]
LONGEST_WITHOUT_FILLING = 100
"""Bytes of a frame with all there is: type, number, request, time and a symbol."""


@pytest.mark.parametrize("drawn", DRAWN, ids=lambda drawn: drawn.profile)
def test_they_come_back(drawn: LabelledSession) -> None:
    session = drawn.session
    messages = [map_frame(text, direction, ts_ns) for ts_ns, direction, text in to_neutral_frames(session)]
    read = {
        name: np.array(column) for name, column in zip(messages[0]._fields, zip(*messages, strict=True), strict=True)
    }
    for name in ("recv_ts_ns", "exchange_ts_ns", "msg_type", "seq"):
        assert read[name].tolist() == getattr(session, name).tolist(), name
    long = session.payload_bytes >= LONGEST_WITHOUT_FILLING
    assert read["payload_bytes"][long].tolist() == session.payload_bytes[long].tolist()
    assert (read["payload_bytes"] <= LONGEST_WITHOUT_FILLING).sum() >= (~long).sum()
