"""Training in small: whole sessions on one side, and an artifact that loads and says what it was made of."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from model.artifact import load_predictor
from model.dataset import Dataset, Source, build_dataset, draw_labelled_synthetic, read_labelled_captures
from model.metrics import session_metrics
from model.train import CLASSES, train
from udfs.errors import SchemaError


def make_source(name: str, label: str, group: str) -> Source:
    return Source(name=name, label=label, group=group, real=False, sha256="")


def make_dataset() -> Dataset:
    sources = [make_source("a", "binance", "g1"), make_source("b", "unknown", "g2"), make_source("c", "kraken", "g1")]
    return Dataset(sources=sources, features=np.arange(6.0)[:, None], session=np.array([0, 0, 1, 1, 1, 2]))


def test_leaving_out_a_group_leaves_out_whole_sessions() -> None:
    kept = make_dataset().without_groups({"g1"})
    assert [source.name for source in kept.sources] == ["b"]
    assert kept.features[:, 0].tolist() == [2, 3, 4]
    assert kept.session.tolist() == [0, 0, 0]
    assert make_dataset().without_groups({"g2"}).session.tolist() == [0, 0, 1]


def test_metrics_of_a_case_counted_by_hand() -> None:
    probabilities = np.array(
        [[0.9, 0.1, 0, 0], [0.4, 0.6, 0, 0], [0, 0, 0, 1], [0, 0.7, 0, 0.3], [0, 0, 0, 1], [0, 0, 0.2, 0.8]]
    )
    metrics = session_metrics(make_dataset(), probabilities, CLASSES)
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
    assert metrics["connections"]["confusion"] == {
        "binance": {"binance": 1},
        "kraken": {"unknown": 1},
        "unknown": {"unknown": 1},
    }


def test_the_same_seed_gives_the_same_material() -> None:
    first, again = (build_dataset(draw_labelled_synthetic(per_exchange=1, n_messages=100, seed=3)) for _ in range(2))
    assert first.features.tobytes() == again.features.tobytes()
    assert first.sources == again.sources


def test_training_writes_an_artifact_that_loads(tmp_path: Path) -> None:
    captures = tmp_path / "captures"
    captures.mkdir()
    lines = (json.dumps({"ts_ns": 10**18 + i * 10**7, "dir": "recv", "frame": f'{{"x": {i}}}'}) for i in range(80))
    with gzip.open(captures / "odd__2021-04-05__1.jsonl.gz", "wt") as file:
        file.write("\n".join(lines) + "\n")
    (captures / "index.csv").write_text("file,label\nodd__2021-04-05__1.jsonl.gz,unknown\n")
    heard: list[str] = []
    manifest = train(
        tmp_path / "model", captures=captures, per_exchange=3, n_messages=200, seed=1, progress=heard.append
    )
    predictor = load_predictor(tmp_path / "model")
    assert predictor.manifest == manifest
    assert list(manifest.training["captures"]) == ["odd__2021-04-05__1.jsonl.gz"]
    assert set(manifest.metrics) == {"synthetic, fresh sessions", "captures, recording days left out"}
    assert "training on everything" in heard


def test_captures_without_an_index_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"index\.csv to list the captures"):
        list(read_labelled_captures(tmp_path, lambda _: None))
