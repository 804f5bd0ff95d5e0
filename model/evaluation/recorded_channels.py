"""Which channels a recording has, by its frames' own words."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterable
from itertools import islice
from pathlib import Path
from typing import Final

from ingest.recordings.capture import read_frames
from udfs.schema import EXCHANGES

_LOOKED_AT: Final = 2000
"""Frames: more than what verdicts here are taken after, as a quiet channel may begin late."""

_MEANINGS: Final = {"l2update": "level2", "match": "matches", "last_match": "matches"}
"""Words of Coinbase's frames that differ from the names of their channels; level2_batch has those of level2."""

_NO_CHANNELS: Final = frozenset(
    {
        *("heartbeat", "heartbeats", "status", "systemStatus"),
        *("subscribe", "subscriptions", "subscriptionStatus", "snapshot"),
    }
)
"""Words of frames that belong to the connection, or begin what others go on with."""


def read_recorded_channels(captures: Path, readable: Collection[str]) -> dict[str, tuple[str, str]]:
    """Read of each recording of a known exchange its interface, as the index has it, and its channels.

    Parameters
    ----------
    captures : Path
        Folder of the recordings and their index.
    readable : collection of str
        Names in the index of those that can be read.

    Returns
    -------
    dict
        The recording's name in the index -> interface and channels, these joined by " + ".
    """
    with (captures / "index.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] in EXCHANGES and row["file"] in readable]
    return {
        row["file"]: (
            row.get("market") or row["label"],
            join_channels(frame.text for frame in islice(read_frames(captures / row["file"]), _LOOKED_AT)),
        )
        for row in rows
    }


def join_channels(frames: Iterable[str]) -> str:
    """Name the channels of some frames in the order of the alphabet.

    >>> join_channels(['{"event":"heartbeat"}', '[1,[],"trade","XBT/USD"]', '[2,{},"book-10","XBT/USD"]'])
    'book + trade'
    """
    named = {channel_of(text) for text in frames}
    return " + ".join(sorted(name for name in named if name is not None))


def channel_of(frame: str) -> str | None:
    """Name the channel of a frame, None if it is of none: an answer, a heartbeat, a snapshot by REST.

    >>> channel_of('{"stream":"btcusdt@kline_1m","data":{}}'), channel_of('{"type":"l2update"}')
    ('kline', 'level2')
    """
    try:
        body = json.loads(frame)
    except json.JSONDecodeError:
        return None
    if isinstance(body, list):
        return str(body[-2]).split("-")[0] if len(body) > 2 else None
    if not isinstance(body, dict):
        return None
    stream = body.get("stream")
    if isinstance(stream, str) and "@" in stream:
        return stream.split("@")[1].split("_")[0]
    word = body.get("channel") or body.get("type")
    return None if word is None or word in _NO_CHANNELS else _MEANINGS.get(word, str(word))
