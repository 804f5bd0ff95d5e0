"""Make the recordings beside this file anew: synthetic connections, as files that a recorder would have written.

    python examples/make_recordings.py [FOLDER]

Their frames have a form of no venue. What a verdict goes by is all there: times, types, numbers, requests and sizes.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from ingest.recordings.capture import to_line
from ingest.recordings.neutral_frames import to_neutral_frames
from synthetic.anomalies import drop, stall, switch
from synthetic.generate import generate_session
from synthetic.open_world.unknown_venues import unknown_venue_sessions
from synthetic.profiles import profile
from udfs.schema import UNKNOWN, Session

START_NS: Final = 1_760_000_000_000_000_000
N_MESSAGES: Final = 1_200


@dataclass(frozen=True, kw_only=True)
class Example:
    """A connection, and what is true of it.

    Attributes
    ----------
    label : str
        Where it comes from (before a switch).
    note : str
        What is to be seen in it.
    """

    session: Session
    label: str
    note: str


def examples() -> list[Example]:
    """Draw the connections; each is named by what its operator takes it for."""
    binance = _session("binance-spot-market", "binance-1", seed=1)
    coinbase = _session("coinbase-feed-market", "coinbase-1", seed=2)
    kraken = _session("kraken-v2-market", "kraken-1", seed=3)
    orders = _session("kraken-orders", "kraken-orders-1", seed=4)
    other = _session("coinbase-feed-market", "kraken-2", seed=5)
    unknown = unknown_venue_sessions(n=3, seed=7, start_ns=START_NS, n_messages=N_MESSAGES)[2].session
    rng = np.random.default_rng(6)
    losing = drop(_session("coinbase-advanced-market", "coinbase-2", seed=8), first=500, last=700, share=0.1, rng=rng)
    stalled = stall(_session("binance-usdm-market", "binance-2", seed=9), first=600, duration_s=20)
    switched = switch(_session("kraken-v1-market", "kraken-3", seed=10), binance, at=600, exchange="binance")
    return [
        Example(session=binance, label="binance", note="honest"),
        Example(session=coinbase, label="coinbase", note="honest"),
        Example(session=kraken, label="kraken", note="honest"),
        Example(session=orders, label="kraken", note="honest, order entry"),
        Example(session=other, label="coinbase", note="a liar: it is called kraken"),
        Example(session=replace(unknown, connection_id="venue-1"), label=UNKNOWN, note="a venue that does not exist"),
        Example(session=losing.sessions[0], label="coinbase", note="loses a tenth of messages 500 to 700"),
        Example(session=stalled.sessions[0], label="binance", note="stands still for 20 s at message 600"),
        Example(session=switched.sessions[0], label="kraken", note="is binance from message 600 on"),
    ]


def _session(name: str, connection_id: str, *, seed: int) -> Session:
    return generate_session(
        profile(name),
        rng=np.random.default_rng(seed),
        start_ns=START_NS,
        connection_id=connection_id,
        n_messages=N_MESSAGES,
    )


def main(folder: Path) -> None:
    """Write the recordings and their index."""
    folder.mkdir(exist_ok=True)
    rows = []
    for example in examples():
        name = f"{example.session.connection_id}.jsonl.gz"
        lines = b"".join(map(to_line, to_neutral_frames(example.session)))
        # Neither a time nor a name of the file: made again, it is the same to the byte.
        packed = io.BytesIO()
        with gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=0) as file:
            file.write(lines)
        (folder / name).write_bytes(packed.getvalue())
        rows.append({"file": name, "label": example.label, "note": example.note})
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("recordings"))
