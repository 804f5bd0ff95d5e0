"""Training in small: whole sessions on one side, and an artifact that loads and says what it was made of."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from model.artifact.artifact_folder import load_predictor
from model.artifact.trained_artifact import train
from model.training.boosting import window_weights
from model.training.calibrator import CalibratedVerdicts
from model.training.cross_fitting import make_folds
from model.training.dataset import (
    Dataset,
    Source,
    build_dataset,
    concatenate,
    draw_labelled_synthetic,
    draw_labelled_unknown_venues,
    jitter_every_second,
    read_labelled_captures,
)
from model.training.session_accuracy import session_metrics
from model.training.training_run import CLASSES, Amounts
from udfs.current_verdict import CERTAIN, ConnectionVerdict
from udfs.errors import SchemaError


def make_source(name: str, label: str, group: str, *, family: str = "", real: bool = False) -> Source:
    return Source(name=name, label=label, group=group, family=family or label, real=real, sha256="")


def make_dataset() -> Dataset:
    sources = [make_source("a", "binance", "g1"), make_source("b", "unknown", "g2"), make_source("c", "kraken", "g1")]
    return Dataset(sources=sources, features=np.arange(6.0)[:, None], session=np.array([0, 0, 1, 1, 1, 2]))


def test_taking_sessions_takes_all_of_their_windows() -> None:
    kept = make_dataset().take(np.array([True, False, True]))
    assert [source.name for source in kept.sources] == ["a", "c"]
    assert kept.features[:, 0].tolist() == [0, 1, 5]
    assert kept.session.tolist() == [0, 0, 1]
    assert kept.window_labels.tolist() == ["binance", "binance", "kraken"]


def test_concatenation_keeps_windows_with_their_sessions() -> None:
    both = concatenate([make_dataset(), make_dataset()])
    assert both.session.tolist() == [0, 0, 1, 1, 1, 2, 3, 3, 4, 4, 4, 5]
    assert both.labels.tolist() == ["binance", "unknown", "kraken"] * 2


def test_no_fold_trains_on_a_day_or_a_family_that_it_tests() -> None:
    recordings = Dataset(
        sources=[
            make_source("k1", "kraken", "day 1", real=True),
            make_source("b1", "binance", "day 1", real=True),
            make_source("b2", "binance", "day 2", real=True),
            make_source("s1", "unknown", "day 1", family="FTX", real=True),
            make_source("s2", "unknown", "day 3", family="FTX", real=True),
            make_source("s3", "unknown", "day 3", family="OKX", real=True),
        ],
        features=np.zeros((6, 1)),
        session=np.arange(6),
    )
    folds = make_folds(recordings)
    assert np.sum([fold.tested for fold in folds], axis=0).tolist() == [1] * 6
    assert [fold.tested.tolist() for fold in folds] == [
        [True, True, False, True, True, False],
        [False, False, True, False, False, True],
    ]
    # Day 1 and FTX are away: day 2's Binance and day 3's OKX stay. Then day 2 and OKX.
    assert [fold.trained.tolist() for fold in folds] == [
        [False, False, True, False, False, True],
        [True, True, False, True, True, False],
    ]


def test_weights_of_a_case_counted_by_hand() -> None:
    dataset = Dataset(
        sources=[
            make_source("r", "binance", "1", real=True),
            make_source("s", "binance", "2"),
            make_source("t", "binance", "3"),
            make_source("u", "unknown", "4"),
        ],
        features=np.zeros((6, 1)),
        session=np.array([0, 0, 1, 2, 3, 3]),
    )
    # Two classes of 1/2. Binance: the recording 3 parts of 5 over 2 windows, the others 1 part each.
    expected = np.array([0.15, 0.15, 0.1, 0.1, 0.25, 0.25])
    np.testing.assert_allclose(window_weights(dataset, recording_weight=3), expected * 6)
    thirds = np.array([1 / 12, 1 / 12, 1 / 6, 1 / 6, 1 / 4, 1 / 4])
    np.testing.assert_allclose(window_weights(dataset), thirds * 6)


def make_verdict(exchange: str, windows: int) -> ConnectionVerdict:
    return ConnectionVerdict(
        exchange=exchange,
        certainty=CERTAIN,
        probability=1.0,
        strength_millinats=1,
        windows=windows,
        since_window=0,
        changes=(),
    )


def test_metrics_of_a_case_counted_by_hand() -> None:
    calibrated = CalibratedVerdicts(
        probabilities=np.zeros((6, 4)),
        windows=np.array([0, 1, 3, 1, 3, 3]),
        connections=[make_verdict("binance", 2), make_verdict("unknown", 3), make_verdict("coinbase", 1)],
    )
    metrics = session_metrics(make_dataset(), calibrated, CLASSES)
    assert metrics["windows"] == {
        "known_right_ratio": 0.3333,
        "known_unknown_ratio": 0.3333,
        "strangers_refused_ratio": 0.6667,
        "confusion": {
            "binance": {"binance": 1, "coinbase": 1},
            "kraken": {"unknown": 1},
            "unknown": {"unknown": 2, "coinbase": 1},
        },
    }
    assert metrics["connections"] == {
        "known_right_ratio": 0.5,
        "known_unknown_ratio": 0.0,
        "strangers_refused_ratio": 1.0,
        "confusion": {"binance": {"binance": 1}, "kraken": {"coinbase": 1}, "unknown": {"unknown": 1}},
    }


def test_the_same_seed_gives_the_same_material() -> None:
    first, again = (
        build_dataset(
            [
                *draw_labelled_synthetic(per_exchange=1, n_messages=100, seed=3),
                *draw_labelled_unknown_venues(n=2, n_messages=100, seed=3),
            ]
        )
        for _ in range(2)
    )
    assert first.features.tobytes() == again.features.tobytes()
    assert first.sources == again.sources
    assert first.labels.tolist() == ["binance", "coinbase", "kraken", "unknown", "unknown"]


def test_every_second_session_is_jittered_and_none_is_relabelled() -> None:
    drawn = list(draw_labelled_synthetic(per_exchange=2, n_messages=300, seed=3))
    shaken = list(jitter_every_second(drawn, 3))
    changed = [a.recv_ts_ns.tolist() != b.recv_ts_ns.tolist() for (_, a), (_, b) in zip(drawn, shaken, strict=True)]
    assert changed == [False, True, False, True, False, True]
    assert [source for source, _ in shaken] == [source for source, _ in drawn]


def write_capture(path: Path, start_ns: int) -> None:
    lines = (json.dumps({"ts_ns": start_ns + i * 10**7, "dir": "recv", "frame": f'{{"x": {i}}}'}) for i in range(80))
    with gzip.open(path, "wt") as file:
        file.write("\n".join(lines) + "\n")


def test_training_writes_an_artifact_that_loads(tmp_path: Path) -> None:
    captures = tmp_path / "captures"
    captures.mkdir()
    names = ["odd__2021-04-05__1.jsonl.gz", "KRAKEN__2021-04-06__1.jsonl.gz"]
    for day, name in enumerate(names):
        write_capture(captures / name, 10**18 + day * 86_400 * 10**9)
    (captures / "index.csv").write_text(f"file,label\n{names[0]},unknown\n{names[1]},kraken\n")
    heard: list[str] = []
    amounts = Amounts(per_exchange=4, n_unknown_venues=4, n_messages=200)
    manifest = train(tmp_path / "model", captures=captures, amounts=amounts, seed=1, progress=heard.append)
    predictor = load_predictor(tmp_path / "model")
    assert predictor.manifest == manifest
    assert list(manifest.training["captures"]) == names
    assert set(manifest.metrics) == {"synthetic, fresh sessions", "captures, days and families left out"}
    assert manifest.metrics["captures, days and families left out"]["connections"]["confusion"].keys() == {
        "kraken",
        "unknown",
    }
    assert any(line.startswith("growing 600 trees") for line in heard)


def test_captures_without_an_index_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"index\.csv to list the captures"):
        list(read_labelled_captures(tmp_path, lambda _: None))


@pytest.mark.parametrize(
    ("heading", "families"),
    [("family", ["ENGINE", "ENGINE"]), ("market", ["ODD", "EVEN"]), ("nothing", ["ODD", "EVEN"])],
)
def test_a_family_is_the_one_that_the_index_states(tmp_path: Path, heading: str, families: list[str]) -> None:
    rows = []
    for venue in ("ODD", "EVEN"):
        name = f"{venue}__2021-04-05__1.jsonl.gz"
        write_capture(tmp_path / name, 10**18)
        rows.append(f"{name},unknown,{'ENGINE' if heading == 'family' else venue}")
    (tmp_path / "index.csv").write_text("\n".join([f"file,label,{heading}", *rows]) + "\n")
    found = [source.family for source, _ in read_labelled_captures(tmp_path, lambda _: None)]
    assert found == families
