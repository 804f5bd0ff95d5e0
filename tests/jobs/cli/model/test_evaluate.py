"""`fingerprint evaluate --quick`: one command, one report, every part of it there."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fingerprint_testing.marks import needs_captures
from fingerprint_testing.paths import CAPTURES
from jobs.cli.main import build_app
from jobs.cli.model.evaluate import evaluate
from jobs.cli.model.train import train
from model.evaluation.effort import FULL
from model.evaluation.report.evaluation_page import figure_text, interval_text, share_text
from model.training.boosting import N_TREES
from synthetic.subscriptions import subscriptions
from udfs.features import BLOCKS, FEATURES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluation")
    arguments = ["evaluate", "--quick", "--captures", str(CAPTURES), "--out", str(folder), "--seed", "3"]
    result = CliRunner().invoke(build_app(), arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "has the whole report" in result.stdout
    return folder


@pytest.fixture(scope="module")
def report(out: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((out / "report.json").read_bytes())
    return loaded


@needs_captures
def test_every_figure_stands_beside_the_plain_classifiers(report: dict[str, Any]) -> None:
    for part in ("main", "ranking", "alert_precision", "confidence", "accuracy_over_messages", "requested"):
        assert {on: set(who) - {"recorder"} for on, who in report[part].items()} == {
            "fresh": {"model", "plain"},
            "recordings": {"model", "plain"},
        }
    assert [row["rate_factor"] for row in report["rate_shift"]] == [0.5, 0.71, 1, 1.41, 2]
    assert [row["jitter_ms"] for row in report["jitter"]["recordings"]] == [0, 0.1, 1, 5]
    assert {len(row) for row in report["rate_shift"]} == {3}
    assert {row["exchange"] for row in report["known_as_unknown"]} == {"binance", "coinbase", "kraken"}
    assert len(report["ablation"]) == 1 + 2 * len(BLOCKS)
    assert len(report["importance"]) == len(FEATURES)
    assert sum(row["share"] for row in report["importance"]) == pytest.approx(1, abs=1e-3)
    assert len(report["channels"]["synthetic"]) == len(subscriptions())
    recorded = sum(row["right"]["of"] for row in report["channels"]["recordings"])
    assert recorded == sum(row["label"] != "unknown" for row in report["recordings"])


@needs_captures
def test_parts_agree_with_each_other(report: dict[str, Any]) -> None:
    model = report["main"]["recordings"]["model"]
    listed = report["recordings"]
    known = [row for row in listed if row["label"] != "unknown"]
    assert model["windows"]["known_right"]["hits"] == sum(row["windows_right"] for row in known)
    assert model["windows"]["known_right"]["of"] == sum(row["windows"] for row in known)
    assert model["connections"]["known_right"]["hits"] == sum(row["verdict"] == row["label"] for row in known)
    assert sum(len(row["windows_called"]) > 0 for row in listed) == len(listed)
    assert report["jitter"]["recordings"][0]["model"]["windows_right"] == model["windows"]["known_right"]
    at_default = next(row for row in report["requested"]["recordings"]["model"] if row["requested"] == 0.01)
    assert at_default["observed"] == model["windows"]["known_refused"]
    last = report["accuracy_over_messages"]["fresh"]["model"]["known"]["points"][-1]
    assert last["messages"] == report["effort"]["tested"]["n_messages"]
    assert last["right"] == report["main"]["fresh"]["model"]["connections"]["known_right"]


@needs_captures
def test_shares_lie_in_their_intervals(report: dict[str, Any]) -> None:
    def shares(part: Any) -> list[dict[str, Any]]:
        if isinstance(part, dict) and {"ratio", "low", "high"} <= set(part):
            return [part]
        inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
        return [share for one in inner for share in shares(one)]

    found = [share for share in shares(report) if share["of"]]
    assert len(found) > 300
    assert all(-1e-5 <= share["low"] - 1e-5 <= share["ratio"] <= share["high"] + 1e-5 <= 1.0001 for share in found)


@needs_captures
def test_the_model_is_named_with_its_hash(report: dict[str, Any]) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", report["model"]["booster_sha256"])
    assert not report["model"]["is_repository_model"]


@needs_captures
def test_the_page_needs_nothing_else(out: Path, report: dict[str, Any]) -> None:
    page = (out / "report.html").read_text()
    assert report["model"]["booster_sha256"] in page
    sources = re.findall(r"""(?:src|href)=["']?([^"' >]+)""", page)
    assert sources
    assert all(source.startswith(("data:image/svg+xml;base64,", "#")) for source in sources)
    assert page.count("<img") == 7
    anchors = set(re.findall(r'id="([a-z]+)"', page))
    assert {source[1:] for source in sources if source.startswith("#")} <= anchors
    assert all(recording["recording"].removesuffix(".jsonl.gz") in page for recording in report["recordings"])


def test_the_full_evaluation_trains_what_train_trains() -> None:
    trained = inspect.signature(train).parameters
    defaults = {name: trained[name].default for name in ("per_exchange", "unknown_venues", "messages", "seed")}
    amounts = FULL.trained
    assert defaults == {
        "per_exchange": amounts.per_exchange,
        "unknown_venues": amounts.n_unknown_venues,
        "messages": amounts.n_messages,
        "seed": inspect.signature(evaluate).parameters["seed"].default,
    }
    assert FULL.n_trees == N_TREES


def test_figures_are_written_short() -> None:
    assert [figure_text(value) for value in (None, 3, 0.0123, 1234.5)] == ["–", "3", "0.012", "1,234"]
    assert [figure_text(value, as_share=True) for value in (0.5, 0.0012, 0.0)] == ["50.0%", "0.12%", "0.0%"]
    nothing = {"hits": 0, "of": 0, "ratio": None, "low": None, "high": None}
    assert (share_text(nothing), interval_text(nothing)) == ("–", "")


def test_a_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    arguments = ["evaluate", "--quick", "--captures", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(build_app(), arguments)
    assert result.exit_code != 0
    assert "index.csv" in str(result.exception)
