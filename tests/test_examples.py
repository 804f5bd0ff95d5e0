"""The recordings that come along are those that their script makes, and are judged as their index lets expect."""

from __future__ import annotations

import csv
import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from fingerprint_testing.paths import EXAMPLES, ROOT
from jobs.reference.scored_captures import score_capture
from model.artifact.artifact_folder import load_predictor
from model.artifact.shipped_artifacts import CATALOGUE_ARTIFACT, DEFAULT_ARTIFACT
from udfs.scoring import Predictor

RECORDINGS = sorted(EXAMPLES.glob("*.jsonl.gz"))


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return load_predictor(DEFAULT_ARTIFACT)


@pytest.fixture(scope="module")
def labels() -> dict[str, str]:
    with (EXAMPLES / "index.csv").open(newline="", encoding="utf-8") as file:
        return {row["file"]: row["label"] for row in csv.DictReader(file)}


def test_the_index_lists_them_all(labels: dict[str, str]) -> None:
    assert sorted(labels) == [path.name for path in RECORDINGS]


def test_they_are_what_the_script_makes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLES.with_name("make_recordings.py"), tmp_path], check=True)
    made = {path.name: gzip.decompress(path.read_bytes()) for path in tmp_path.glob("*.jsonl.gz")}
    assert made == {path.name: gzip.decompress(path.read_bytes()) for path in RECORDINGS}, (
        "run python examples/make_recordings.py"
    )


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_each_is_told_by_its_behaviour(path: Path, labels: dict[str, str], predictor: Predictor) -> None:
    scored = score_capture([path], predictor).summary()
    assert scored["certainty"] == "certain"
    if path.name == "kraken-3.jsonl.gz":
        # It switches in mid-life: the verdict follows.
        assert [event["verdict"] for event in scored["events"]] == [labels[path.name], "binance"]
    else:
        assert [event["verdict"] for event in scored["events"]] == [labels[path.name]]


def test_the_document_says_which_of_them_the_catalogue_gets_wrong(labels: dict[str, str]) -> None:
    catalogue = load_predictor(CATALOGUE_ARTIFACT)
    scored = {path.name: score_capture([path], catalogue).summary() for path in RECORDINGS}
    wrong = {
        (name.removesuffix(".jsonl.gz"), found["events"][0]["verdict"], found["certainty"])
        for name, found in scored.items()
        if found["events"][0]["verdict"] != labels[name]
    }
    assert wrong == {("binance-2", "poloniex", "certain"), ("kraken-2", "poloniex", "certain")}
    said = " ".join((ROOT / "docs" / "model.md").read_text().split())
    assert "it calls two, `binance-2` and `kraken-2`, poloniex, with certainty" in said
