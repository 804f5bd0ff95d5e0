"""Accuracy by venue and channel, counted by hand, and what frames say of their channel."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from model.evaluation.channel_accuracy import count_by_row, recorded_accuracy
from model.evaluation.predictions import CERTAIN, LIKELY, UNDECIDED, Prediction
from model.evaluation.recorded_channels import channel_of, join_channels, read_recorded_channels
from model.evaluation.report.channel_table import render_channel_tables
from model.training.dataset import Dataset, Source
from udfs.schema import UNKNOWN

CLASSES = ("binance", "kraken", UNKNOWN)


def make_dataset(labels: list[str], windows: list[int]) -> Dataset:
    sources = [
        Source(name=f"s{i}", label=label, group=f"g{i}", family=label, real=True, sha256="")
        for i, label in enumerate(labels)
    ]
    session = np.repeat(np.arange(len(labels)), windows)
    return Dataset(sources=sources, features=np.zeros((len(session), 1)), session=session)


def make_prediction(dataset: Dataset, windows: list[str], verdicts: list[str], certainty: list[int]) -> Prediction:
    index = {name: i for i, name in enumerate(CLASSES)}
    n, n_sessions = len(dataset.session), len(dataset.sources)
    return Prediction(
        classes=CLASSES,
        probabilities=np.zeros((n, 3)),
        windows=np.array([index[name] for name in windows]),
        unknown_scores=np.zeros(n),
        current_verdicts=np.array([index[name] for name in verdicts]),
        certainty=np.array(certainty),
        since=np.full(n, -1),
        verdict_probabilities=np.ones(n_sessions),
        connection_scores=np.zeros(n_sessions),
    )


BOOK, TRADE = ("kraken", "kraken-v1-market", "book"), ("kraken", "kraken-v1-market", "trade")


def test_rows_are_counted_each_for_itself() -> None:
    dataset = make_dataset(["kraken"] * 4, [2, 1, 1, 1])
    prediction = make_prediction(
        dataset,
        windows=["kraken", "binance", "kraken", UNKNOWN, "kraken"],
        verdicts=["binance", "kraken", "kraken", UNKNOWN, "binance"],
        certainty=[LIKELY, CERTAIN, UNDECIDED, CERTAIN, CERTAIN],
    )
    book, trade = count_by_row(dataset, prediction, [BOOK, BOOK, TRADE, TRADE])
    assert [book[key]["hits"] for key in ("right", "unknown", "wrong")] == [1, 1, 0]
    assert [trade[key]["hits"] for key in ("right", "unknown", "wrong")] == [0, 1, 1]
    assert (book["windows_right"]["hits"], book["windows_right"]["of"]) == (2, 3)
    assert (book["exchange"], book["interface"], book["channels"]) == BOOK


def test_what_comes_after_five_hundred_messages_does_not_count() -> None:
    # Window k ends with message 50 + 25 k: the 19th, number 18, is the last one of 500.
    dataset = make_dataset(["kraken"], [21])
    verdicts = ["kraken"] * 19 + ["binance"] * 2
    prediction = make_prediction(dataset, verdicts, verdicts, [CERTAIN] * 21)
    (row,) = count_by_row(dataset, prediction, [BOOK])
    assert row["right"]["hits"] == 1
    assert (row["windows_right"]["hits"], row["windows_right"]["of"]) == (19, 19)


def test_recordings_of_unknown_venues_have_no_row() -> None:
    dataset = make_dataset(["kraken", UNKNOWN], [1, 1])
    prediction = make_prediction(dataset, ["kraken", "kraken"], ["kraken", "kraken"], [CERTAIN, CERTAIN])
    (row,) = recorded_accuracy(dataset, prediction, {"s0": ("spot", "book")})
    assert (row["exchange"], row["interface"], row["channels"]) == ("kraken", "spot", "book")
    assert (row["right"]["hits"], row["right"]["of"]) == (1, 1)


@pytest.mark.parametrize(
    ("frame", "channel"),
    [
        ('{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate"}}', "depth"),
        ('{"stream":"btcusdt@kline_1m","data":{}}', "kline"),
        ('{"type":"l2update","changes":[]}', "level2"),
        ('{"type":"last_match"}', "matches"),
        ('{"type":"ticker"}', "ticker"),
        ('{"channel":"book","type":"update"}', "book"),
        ('[336,{"a":[]},"book-1000","XBT/USD"]', "book"),
        ('{"channel":"heartbeat"}', None),
        ('{"event":"systemStatus"}', None),
        ('{"lastUpdateId":1,"bids":[],"asks":[]}', None),
        ('{"result":null,"id":1}', None),
        ("no json", None),
        ("7", None),
    ],
)
def test_a_frame_names_its_channel(frame: str, channel: str | None) -> None:
    assert channel_of(frame) == channel


def test_channels_are_listed_once_in_order() -> None:
    assert join_channels(['{"type":"ticker"}', '{"type":"match"}', '{"type":"ticker"}']) == "matches + ticker"
    assert join_channels([]) == ""


def test_recordings_of_known_exchanges_are_read(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "k.jsonl.gz", "wt") as file:
        file.write(json.dumps({"ts_ns": 1, "dir": "recv", "frame": '[0,[],"trade","XBT/USD"]'}) + "\n")
    (tmp_path / "index.csv").write_text("file,label,market\nk.jsonl.gz,kraken,spot\nabsent.jsonl.gz,kraken,spot\n")
    assert read_recorded_channels(tmp_path, ["k.jsonl.gz"]) == {"k.jsonl.gz": ("spot", "trade")}


def test_tables_have_a_line_for_each_row() -> None:
    dataset = make_dataset(["kraken", "kraken"], [1, 1])
    prediction = make_prediction(dataset, ["kraken", UNKNOWN], ["kraken", UNKNOWN], [CERTAIN, CERTAIN])
    rows = count_by_row(dataset, prediction, [BOOK, BOOK])
    written = render_channel_tables({"channels": {"synthetic": rows, "recordings": []}})
    # Wilson's interval of 1 of 2 at 95%: (1 + z^2/2 -+ z sqrt(1/2 + z^2/4)) / (2 + z^2) with z = 1.96.
    assert "| kraken-v1-market | `book` | 2 | 1 [9, 91]% | 1 | 0 | 50% |" in written
    assert written.count("| interface |") == 2
