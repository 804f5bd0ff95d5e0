"""What is answered has the bits of the job's rows, as the reference computes them from the topic."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest

from fingerprint_testing.paths import EXAMPLES
from fingerprint_testing.served_api import ServedApi
from ingest.kafka.message_json import decode
from jobs.pipeline.result_tables import CONNECTION_EVENTS, CONNECTION_VERDICTS, WINDOW_SCORES
from jobs.reference.connection_explanation import explain_connection
from jobs.reference.scored_captures import score_session
from jobs.reference.scored_windows import PartitionMessages
from jobs.reference.verdict_rows import result_rows
from model.artifact.artifact_folder import BoosterPredictor, explainer_of, load_predictor
from model.artifact.shipped_artifacts import CATALOGUE_ARTIFACT, DEFAULT_ARTIFACT
from model.registry.topic_models import OneModel
from udfs.windows import WIRE_COLUMNS

Recordings = dict[str, list[dict[str, Any]]]
NAMES = sorted(path.name.removesuffix(".jsonl.gz") for path in EXAMPLES.glob("*.jsonl.gz"))
OF_WINDOW = (
    *("first_offset", "last_offset", "window_start_at", "window_end_at", "predicted_exchange", "confidence"),
    *("unknown_score", "probabilities", "signature"),
)


@pytest.fixture(scope="module")
def predictor() -> BoosterPredictor:
    return load_predictor(DEFAULT_ARTIFACT)


@pytest.fixture(scope="module")
def tables(recordings: Recordings, predictor: BoosterPredictor) -> dict[str, dict[str, pd.DataFrame]]:
    """By connection and table: the rows that the job writes of a topic in which the recordings follow one another."""
    sessions = [decode(messages) for messages in recordings.values()]
    columns = {
        name: np.concatenate([getattr(session, name) for session in sessions])
        for name in (*WIRE_COLUMNS, "prev_seq")
        if name != "kafka_offset"
    }
    lengths = np.array([len(session) for session in sessions])
    messages = PartitionMessages(
        kafka_partition=0,
        connection_ids=np.array(list(recordings), dtype=object),
        lengths=lengths,
        columns={**columns, "kafka_offset": np.arange(lengths.sum())},
        declared=np.repeat(np.array([session.declared_exchange for session in sessions], dtype=object), lengths),
    )
    models = OneModel(predictor, explainer_of(predictor))
    parts: dict[str, list[pd.DataFrame]] = {}
    for table, rows in result_rows(messages, models, models.schedule()):
        parts.setdefault(table, []).append(rows)
    first = dict(zip(recordings, np.cumsum(lengths) - lengths, strict=True))
    found: dict[str, dict[str, pd.DataFrame]] = {name: {} for name in recordings}
    for table, rows in ((table, pd.concat(rows)) for table, rows in parts.items()):
        for name in recordings:
            own = rows[rows["connection_id"] == name].copy()
            for column in {"first_offset", "last_offset", "since_offset"} & set(own):
                own[column] = [None if value is None else value - first[name] for value in own[column]]
            found[name][table] = own
    return found


@pytest.mark.parametrize("name", NAMES)
def test_messages_get_the_rows_of_the_job(
    name: str, api: ServedApi, recordings: Recordings, tables: dict[str, dict[str, pd.DataFrame]]
) -> None:
    response = api.post("/v1/score", {"messages": recordings[name]})
    assert response.status_code == 200, response.text
    answer, rows = orjson.loads(response.content), tables[name]
    assert answer["window_scores"] == rows[WINDOW_SCORES][list(OF_WINDOW)].to_dict("records")
    (verdict,) = rows[CONNECTION_VERDICTS].to_dict("records")
    same = ("verdict", "certainty", "probability", "strength_nats", "certain_after_messages", "signature", "windows")
    assert {key: answer[key] for key in (*same, "connection_id", "declared_exchange", "model_version")} == {
        key: verdict[key] for key in (*same, "connection_id", "declared_exchange", "model_version")
    }
    assert answer["since_message"] == verdict["since_offset"]
    assert answer["messages"] == len(recordings[name])
    events = rows[CONNECTION_EVENTS].rename(columns={"since_offset": "since_message"})
    assert answer["events"] == events[list(answer["events"][0])].to_dict("records")
    assert answer["explanation"] is None


@pytest.mark.parametrize("name", NAMES)
def test_frames_are_mapped_as_the_frames_of_a_recording_are(name: str, api: ServedApi, recordings: Recordings) -> None:
    with gzip.open(EXAMPLES / f"{name}.jsonl.gz") as lines:
        frames = [orjson.loads(line) for line in lines]
    claims = {"connection_id": name, "declared_exchange": name.partition("-")[0]}
    of_frames = api.post("/v1/score", {"frames": frames, **claims})
    assert of_frames.status_code == 200, of_frames.text
    assert of_frames.content == api.post("/v1/score", {"messages": recordings[name]}).content


def test_windows_are_scored_as_those_of_a_connection(api: ServedApi, recordings: Recordings) -> None:
    messages = recordings["kraken-3"]
    windows = [messages[first : first + 50] for first in range(0, len(messages) - 49, 25)]
    answer = api.post("/v1/windows", {"windows": windows}).json()
    of_connection = api.post("/v1/score", {"messages": messages}).json()["window_scores"]
    places = ("first_offset", "last_offset")
    assert [{name: row[name] for name in row if name not in places} for row in answer["window_scores"]] == [
        {name: row[name] for name in row if name not in places} for row in of_connection
    ]
    assert [row["first_offset"] for row in answer["window_scores"][:2]] == [0, 50]
    # Alone a window gets the bits that it has among others.
    alone = api.post("/v1/windows", {"windows": windows[7:8]}).json()["window_scores"][0]
    assert {**alone, **dict.fromkeys(places)} == {**answer["window_scores"][7], **dict.fromkeys(places)}


def test_an_explanation_is_that_of_explain(api: ServedApi, recordings: Recordings, predictor: BoosterPredictor) -> None:
    scored = score_session(decode(recordings["kraken-2"]), predictor)
    expected = explain_connection(scored.standing(), scored.last_windows, predictor).facts()
    answer = api.post("/v1/score?explain=true&windows=false", {"messages": recordings["kraken-2"]}).json()
    assert answer["explanation"] == orjson.loads(orjson.dumps(expected))
    assert (answer["window_scores"], answer["is_mismatch"]) == (None, True)


def test_a_model_that_comes_along_may_be_named(api: ServedApi, recordings: Recordings) -> None:
    catalogue = load_predictor(CATALOGUE_ARTIFACT)
    shipped = api.get("/v1/model").json()["shipped"]
    assert catalogue.model_version in shipped
    answer = api.post(
        "/v1/score", {"messages": recordings["kraken-1"]}, params={"model_version": catalogue.model_version}
    ).json()
    expected = score_session(decode(recordings["kraken-1"]), catalogue)
    assert (answer["model_version"], answer["verdict"]) == (catalogue.model_version, expected.verdict.exchange)
    assert set(answer["windows_by_class"]) == set(catalogue.classes)


@pytest.mark.parametrize("version", ["0.3-00000000", "../trained", "model/trained", "", "x" * 300, "\x00"])
def test_another_model_may_not(version: str, api: ServedApi, recordings: Recordings) -> None:
    response = api.post("/v1/score", {"messages": recordings["kraken-1"][:60]}, params={"model_version": version})
    assert response.status_code == 422
    assert "model_version" in response.json()["detail"]


def test_fewer_messages_than_a_window_are_undecided(api: ServedApi, recordings: Recordings) -> None:
    answer = api.post("/v1/score?explain=true", {"messages": recordings["kraken-1"][:49]}).json()
    assert (answer["verdict"], answer["certainty"], answer["signature"]) == ("unknown", "undecided", None)
    assert answer["window_scores"] == answer["explanation"]["contrasts"] == []


def test_the_model_is_described(api: ServedApi, predictor: BoosterPredictor) -> None:
    described = api.get("/v1/model").json()
    assert described["model_version"] == predictor.model_version
    assert described["classes"] == list(predictor.classes)
    assert (described["features"], described["window_size"], described["follows_topic"]) == (72, 50, None)
