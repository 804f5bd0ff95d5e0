"""A notebook gets of a connection what `score` and `explain` say, whichever form it has it in."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest

from exchange_fingerprint import Scored, score
from fingerprint_testing.paths import EXAMPLES, ROOT
from ingest.frame import Frame
from ingest.kafka.message_json import encode
from ingest.recordings.capture import read_capture, read_frames
from jobs.reference.connection_explanation import explain_connection
from jobs.reference.scored_captures import score_capture
from model.artifact.artifact_folder import BoosterPredictor, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from udfs.errors import ConfigError, SchemaError
from udfs.features import FEATURES

RECORDINGS = sorted(EXAMPLES.glob("*.jsonl.gz"))
BEAT = {"recv_ts_ns": 10**18, "msg_type": "HEARTBEAT"}


@pytest.fixture(scope="module")
def predictor() -> BoosterPredictor:
    return load_predictor(DEFAULT_ARTIFACT)


def messages_of(path: Path, declared: str | None = None) -> list[dict[str, Any]]:
    return [orjson.loads(value) for value in encode(read_capture(path, declared_exchange=declared))]


def without_names(scored: Scored) -> dict[str, Any]:
    return {name: value for name, value in scored.summary.items() if name not in ("file", "connection_id")}


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_each_form_is_scored_as_the_recording_is(path: Path) -> None:
    of_file = score(path, declared="kraken")
    with gzip.open(path) as lines:
        forms: list[Any] = [
            str(path),
            map(orjson.loads, lines.readlines()),
            read_frames(path),
            messages_of(path),
            pd.DataFrame(messages_of(path), dtype=object),
            pd.DataFrame(messages_of(path), dtype=object).astype({"exchange_ts_ns": "Int64"}),
        ]
    for form in forms:
        scored = score(form, declared="kraken")
        assert without_names(scored) == without_names(of_file)
        pd.testing.assert_frame_equal(scored.windows, of_file.windows)


@pytest.mark.parametrize("name", ["kraken-2", "kraken-3", "venue-1"])
def test_it_says_what_the_commands_say(name: str, predictor: BoosterPredictor) -> None:
    path = EXAMPLES / f"{name}.jsonl.gz"
    expected = score_capture([path], predictor, declared_exchange="kraken")
    explanation = explain_connection(expected.standing(), expected.last_windows, predictor)
    scored = score(messages_of(path, "kraken"))
    verdict = expected.verdict
    assert (scored.exchange, scored.certainty, scored.probability) == (
        *(verdict.exchange, verdict.certainty, verdict.probability),
    )
    assert (scored.signature, scored.is_mismatch) == (expected.signature, expected.is_mismatch)
    told = [reason["text"] for contrast in explanation.contrasts for reason in contrast.explanation["reasons"]]
    assert scored.reasons["text"].tolist() == told
    stored = [window["features"] for window in expected.window_summaries()]
    np.testing.assert_array_equal(scored.features, np.array(stored, dtype=np.float64))
    assert list(scored.features) == [feature.name for feature in FEATURES]
    of_windows = [window["probabilities"] for window in expected.window_summaries()]
    assert scored.windows[list(predictor.classes)].to_dict("records") == of_windows


def test_fewer_messages_than_a_window_are_undecided() -> None:
    scored = score([{**BEAT, "recv_ts_ns": 10**18 + i} for i in range(49)])
    assert (scored.exchange, scored.certainty, scored.signature) == ("unknown", "undecided", None)
    assert len(scored.windows) == len(scored.reasons) == 0


def test_another_model_may_be_named() -> None:
    path = EXAMPLES / "kraken-1.jsonl.gz"
    assert set(score(path, model="catalogue").windows["model_version"]) != set(score(path).windows["model_version"])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ([], "found none: leave it out"),
        ([BEAT, {**BEAT, "msg_type": "TRADE"}], "found in message 1, from 0, msg_type is not NEW, ACK, NACK"),
        ([{**BEAT, "connection_id": "a"}, {**BEAT, "connection_id": "b"}], "found 2: score each of them"),
        (EXAMPLES, "found 9 in"),
        (pd.DataFrame({**BEAT, "exchange_ts_ns": [1.5e18]}), 'exchange_ts_ns, found float64, .* make it "Int64"'),
        (pd.DataFrame({**BEAT, "seq": [0.5]}), "found in message 0, from 0, seq is not a 64-bit integer"),
        (pd.DataFrame({"msg_type": ["NEW"]}), "found in message 0, from 0, no recv_ts_ns"),
        (
            [Frame(10**18, "recv", "x"), {"ts_ns": "soon", "dir": "recv", "frame": "x"}],
            "found in frame 1, from 0, no ts_ns that is",
        ),
    ],
)
def test_a_mistake_is_a_sentence(source: Any, said: str) -> None:
    with pytest.raises(SchemaError, match=f"Expected .*{said}"):
        score(source)


def test_a_missing_file_is_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"Expected .*nothing.*, found"):
        score("nothing.jsonl.gz")


def test_numbers_that_floats_hold_are_taken_from_a_column_with_holes() -> None:
    path = EXAMPLES / "kraken-1.jsonl.gz"
    rows = pd.DataFrame(messages_of(path), dtype=object)
    rows["seq"] = rows["seq"].astype("float64")
    assert without_names(score(rows)) == without_names(score(path))


def test_the_example_runs(tmp_path: Path) -> None:
    example = ROOT / "docs" / "examples" / "score_in_python.py"
    done = subprocess.run(
        [sys.executable, example, tmp_path / "plot.png"],
        env={"MPLBACKEND": "agg", "PATH": "", "MPLCONFIGDIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert [line.split(", ")[:2] for line in lines[:3:2]] == [["binance", "certain"], ["coinbase", "certain"]]
    assert "as with coinbase" in lines[4]
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_the_lines_of_the_document_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "recordings.md").read_text(), flags=re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(block, {})  # noqa: S102  # what the document prints
    printed = re.search(r"print\(.*\) +# (.*)", block)
    assert printed is not None
    assert capsys.readouterr().out.strip() == printed[1]
