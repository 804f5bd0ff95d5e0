"""`explain` of a connection in the tables says what it says of the recording."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from psycopg2.extensions import connection as Connection

from fingerprint_testing.paths import EXAMPLES
from jobs.reference.connection_explanation import explain_connection
from jobs.reference.scored_captures import ScoredCapture, score_capture
from jobs.results.stored_explanation import explain_stored
from model.artifact.artifact_folder import BoosterPredictor, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.registry.model_registry import register
from udfs.errors import ConfigError


@pytest.fixture(scope="module")
def predictor() -> BoosterPredictor:
    return load_predictor(DEFAULT_ARTIFACT)


def put(database: Connection, scored: ScoredCapture, window: type, verdict: type, insert: Callable[..., None]) -> None:
    """Store the recording as the job would: all windows, and what stands after the last."""
    summary, rows = scored.summary(), scored.window_summaries()
    shared = {"connection_id": scored.connection_id, "declared_exchange": scored.declared_exchange}
    version = rows[0]["model_version"]
    insert(
        [
            window(
                **shared,
                **{name: row[name] for name in ("last_offset", "probabilities", "features")},
                model_version=version,
            )
            for row in rows
        ]
    )
    insert(
        [
            verdict(
                **shared,
                **{name: summary[name] for name in SAME},
                strength_nats=summary["strength_nats"],
                previous_verdict=scored.verdict.previous,
                since_offset=summary["since_message"],
                last_offset=rows[-1]["last_offset"],
                model_version=version,
            )
        ]
    )


SAME = ("verdict", "certainty", "probability", "windows", "messages", "certain_after_messages")


@pytest.mark.parametrize(("name", "declared"), [("kraken-2", "kraken"), ("kraken-3", "kraken"), ("venue-1", None)])
def test_the_tables_explain_what_the_recording_does(
    name: str,
    declared: str | None,
    database: Connection,
    insert: Callable[..., None],
    window: type,
    verdict: type,
    predictor: BoosterPredictor,
) -> None:
    register(database, DEFAULT_ARTIFACT, predictor)
    scored = score_capture([EXAMPLES / f"{name}.jsonl.gz"], predictor, declared_exchange=declared)
    put(database, scored, window, verdict, insert)
    of_recording = explain_connection(scored.standing(), scored.last_windows, predictor).facts()
    assert explain_stored(database, name).facts() == of_recording
    assert of_recording["explained_windows"] == 16


def test_a_connection_that_is_not_there_is_an_error_that_names_a_similar_one(
    database: Connection, insert: Callable[..., None], verdict: type
) -> None:
    insert([verdict(connection_id="kraken-orders-1")])
    with pytest.raises(ConfigError, match="did you mean kraken-orders-1"):
        explain_stored(database, "kraken-order-1")
    with pytest.raises(ConfigError, match="lists connections"):
        explain_stored(database, "something else")


def test_a_connection_whose_windows_are_dropped_is_an_error(
    database: Connection, insert: Callable[..., None], verdict: type, predictor: BoosterPredictor
) -> None:
    register(database, DEFAULT_ARTIFACT, predictor)
    insert([verdict(connection_id="old", model_version=predictor.model_version)])
    with pytest.raises(ConfigError, match="found none"):
        explain_stored(database, "old")
