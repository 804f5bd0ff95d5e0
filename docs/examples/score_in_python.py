"""Score recordings from Python, and plot what their windows say, into the picture that is named."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import orjson
import pandas as pd
from matplotlib.axes import Axes

from exchange_fingerprint import Scored, score

RECORDINGS = Path(__file__).parents[2] / "examples" / "recordings"


def plot(axes: Axes, title: str, scored: Scored) -> None:
    """Draw the probability of each class, window by window."""
    names = list(scored.summary["windows_by_class"])
    for name in names:
        axes.plot(scored.windows["last_offset"], scored.windows[name], label=name)
    axes.set(title=f"{title}: {scored.exchange}, {scored.certainty}", ylabel="probability", ylim=(0, 1))


# A recording.
switched = score(RECORDINGS / "kraken-3.jsonl.gz", declared="kraken")
print(switched.exchange, switched.certainty, switched.signature, sep=", ")

# A table with a row a message: here a heartbeat each second.
times_ns = range(1_760_000_000_000_000_000, 1_760_000_200_000_000_000, 1_000_000_000)
beats = score(pd.DataFrame({"recv_ts_ns": times_ns, "msg_type": "HEARTBEAT", "payload_bytes": 21}))
print(beats.exchange, beats.certainty, beats.signature, sep=", ")

# Frames, as a client of your own receives them.
frames = map(orjson.loads, gzip.open(RECORDINGS / "kraken-2.jsonl.gz"))
liar = score(frames, declared="kraken")
print(liar.exchange, liar.certainty, liar.signature, sep=", ")
print(*liar.reasons.query("kind == 'declared'")["text"], sep="\n")

figure, (above, below) = plt.subplots(2, sharex=True, layout="constrained", figsize=(8, 6))
plot(above, "kraken-3, which is another from message 600 on", switched)
plot(below, "kraken-2, which is called kraken", liar)
above.legend(loc="center right")
below.set_xlabel("messages")
figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "scored.png")
