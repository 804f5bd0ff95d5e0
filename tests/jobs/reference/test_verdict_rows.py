"""Rows computed without Flink, against `udfs.current_verdict` one connection at a time, and as batches fall."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jobs.pipeline.result_tables import RESULT_TABLES, Column
from jobs.reference import verdict_rows as offline_rows
from jobs.reference.scored_captures import verdict_of
from jobs.reference.scored_windows import PartitionMessages
from jobs.reference.verdict_rows import result_rows
from model.artifact.artifact_folder import explainer_of, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.registry.topic_models import OneModel
from synthetic.anomalies import switch
from synthetic.sessions import synthetic_sessions
from udfs.explanations import Explainer
from udfs.rows import iso_timestamps, read_array_literal, score_rows
from udfs.schema import SESSION_COLUMNS, WINDOW_COLUMNS, Session
from udfs.scoring import Predictor, score_windows
from udfs.windows import count_windows, session_windows, slide, window_starts

PARTITION = 2
Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return load_predictor(DEFAULT_ARTIFACT)


@pytest.fixture(scope="module")
def explainer() -> Explainer:
    return explainer_of(load_predictor(DEFAULT_ARTIFACT))


@pytest.fixture(scope="module")
def sessions() -> list[Session]:
    """Draw connections, some too short for a window, some that become another exchange's."""
    drawn = synthetic_sessions(per_exchange=4, seed=2, start_ns=10**18, n_messages=600)
    cut = [_cut(s.session, n) for s, n in zip(drawn[:6], (0, 1, 49, 50, 74, 75), strict=True)]
    switched = [
        switch(one.session, other.session, at=400, exchange=other.exchange).sessions[0]
        for one, other in zip(drawn[6:], drawn[1:7], strict=True)
    ]
    return [s for s in (*cut[1:], *switched) if len(s)]


def _cut(session: Session, n: int) -> Session:
    return replace(session, **{name: getattr(session, name)[:n] for name in SESSION_COLUMNS})


def lay_out(sessions: list[Session]) -> PartitionMessages:
    """Lay sessions one after the other; the messages of the one at i have the offsets i, i + 20, i + 40 and so on."""
    columns = {name: np.concatenate([getattr(s, name) for s in sessions]) for name in WINDOW_COLUMNS}
    columns["kafka_offset"] = np.concatenate([i + 20 * np.arange(len(s)) for i, s in enumerate(sessions)])
    declared = [s.declared_exchange for s in sessions for _ in range(len(s))]
    return PartitionMessages(
        kafka_partition=PARTITION,
        connection_ids=np.array([s.connection_id for s in sessions], dtype=object),
        lengths=np.array([len(s) for s in sessions]),
        columns=columns,
        declared=np.array(declared, dtype=object),
    )


def compute(messages: PartitionMessages, predictor: Predictor, explainer: Explainer) -> Tables:
    models, parts = OneModel(predictor, explainer), dict[str, list[pd.DataFrame]]()
    for table, rows in result_rows(messages, models, models.schedule()):
        parts.setdefault(table, []).append(rows)
    return {table: pd.concat(rows, ignore_index=True) for table, rows in parts.items()}


@pytest.fixture(scope="module")
def tables(sessions: list[Session], predictor: Predictor, explainer: Explainer) -> Tables:
    return compute(lay_out(sessions), predictor, explainer)


def test_windows_start_where_each_connection_has_its_own() -> None:
    """Connections of 75, 0, 49, 124 and 50 messages have 2, 0, 0, 3 and 1 windows."""
    lengths = np.array([75, 0, 49, 124, 50])
    assert window_starts(lengths).tolist() == [0, 25, 124, 149, 174, 248]
    assert [count_windows(int(n)) for n in lengths] == [2, 0, 0, 3, 1]


def test_scores(sessions: list[Session], tables: Tables, predictor: Predictor) -> None:
    found = tables["window_scores"]
    for i, session in enumerate(sessions):
        windows, offsets = session_windows(session), i + 20 * slide(np.arange(len(session)))
        expected = score_rows(windows, offsets, score_windows(windows, predictor), predictor.model_version)
        own = found[found["connection_id"] == session.connection_id]
        assert own["last_offset"].tolist() == offsets[:, -1].tolist()
        assert set(own["kafka_partition"]) <= {PARTITION}
        assert set(own["declared_exchange"]) <= {session.declared_exchange}
        for name in ("first_offset", "window_start_at", "window_end_at", "predicted_exchange", "confidence"):
            assert own[name].tolist() == expected[name].tolist()
        assert own["features"].tolist() == [read_array_literal(text) for text in expected["features"]]


def test_verdicts(sessions: list[Session], tables: Tables, predictor: Predictor) -> None:
    found = {row["connection_id"]: row for row in tables["connection_verdicts"].to_dict("records")}
    for i, session in enumerate(sessions):
        windows = session_windows(session)
        verdict = verdict_of(score_windows(windows, predictor), predictor)
        row = found.pop(session.connection_id, None)
        assert (row is None) == (verdict.windows == 0)
        if row is None:
            continue
        since = verdict.since_window
        starts = iso_timestamps(windows.recv_ts_ns.min(axis=1))
        assert _only(row, "verdict", "certainty", "probability", "windows", "previous_verdict") == [
            verdict.exchange, verdict.certainty, verdict.probability, verdict.windows, verdict.previous,
        ]  # fmt: skip
        assert row["strength_nats"] == verdict.strength_millinats / 1000
        assert row["certain_after_messages"] == verdict.certain_after_messages
        assert row["messages"] == 25 + 25 * verdict.windows
        assert row["since_offset"] == (None if since is None else i + 20 * 25 * since)
        assert row["since_at"] == (None if since is None else starts[since])
    assert not found


def test_events(sessions: list[Session], tables: Tables, predictor: Predictor) -> None:
    found = tables["connection_events"]
    changes = 0
    for i, session in enumerate(sessions):
        verdict = verdict_of(score_windows(session_windows(session), predictor), predictor)
        own = found[found["connection_id"] == session.connection_id].to_dict("records")
        for row, change in zip(own, verdict.changes, strict=True):
            assert _only(row, "previous_verdict", "verdict", "probability", "windows", "messages") == [
                change.previous, change.exchange, change.probability, change.suffix_windows, 50 + 25 * change.window,
            ]  # fmt: skip
            assert row["since_offset"] == i + 20 * 25 * change.since_window
            assert row["strength_nats"] == change.strength_millinats / 1000
            assert (row["reasons"] is None) == (row["kind"] == "named") == (row["verdict"] == session.declared_exchange)
            changes += change.previous is not None
    assert changes


@pytest.mark.parametrize("table", ["window_scores", "connection_verdicts", "connection_events"])
def test_a_column_that_is_not_computed_is_named(
    sessions: list[Session], predictor: Predictor, explainer: Explainer, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = RESULT_TABLES[table]
    monkeypatch.setitem(RESULT_TABLES, table, replace(known, columns={**known.columns, "mood": Column("STRING")}))
    with pytest.raises(ValueError, match=f"columns of {table}, found mood missing and none superfluous"):
        compute(lay_out(sessions), predictor, explainer)


def _only(row: dict[Any, Any], *names: str) -> list[Any]:
    return [row[name] for name in names]


def test_results_do_not_depend_on_batches(
    sessions: list[Session],
    tables: Tables,
    predictor: Predictor,
    explainer: Explainer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(offline_rows, "_BATCH", 7)
    for name, rows in compute(lay_out(sessions), predictor, explainer).items():
        pd.testing.assert_frame_equal(rows, tables[name], check_exact=True)


def test_what_is_declared_anew_is_an_event_from_its_window_on(
    sessions: list[Session], predictor: Predictor, explainer: Explainer
) -> None:
    session = sessions[-1]
    messages = lay_out([session])
    until = compute(messages, predictor, explainer)["connection_events"]
    window = (int(until["messages"].iloc[-1]) - 50) // 25 + 2
    messages.declared[25 * window + 49 :] = "nobody"
    events = compute(messages, predictor, explainer)["connection_events"].to_dict("records")
    assert len(events) == len(until) + 1
    last = events[-1]
    assert _only(last, "kind", "declared_exchange", "messages") == ["mismatch", "nobody", 50 + 25 * window]
    assert last["previous_verdict"] == last["verdict"] == until["verdict"].iloc[-1]
    assert last["since_offset"] == 20 * 25 * window


def test_after_an_idle_gap_a_connection_starts_anew(
    sessions: list[Session], tables: Tables, predictor: Predictor, explainer: Explainer
) -> None:
    """The rows of two segments are those of two connections, but one verdict stands: that of the last with a window."""
    whole, short, other = (replace(s, connection_id="same") for s in (sessions[-1], sessions[0], sessions[-2]))
    assert len(short) < 50
    found = compute(lay_out([whole, other, short]), predictor, explainer)
    parts = [compute(lay_out([one]), predictor, explainer) for one in (whole, other)]
    assert len(found["window_scores"]) == sum(len(part["window_scores"]) for part in parts)
    events = pd.concat([part["connection_events"] for part in parts])
    for name in ("kind", "verdict", "previous_verdict", "messages", "probability", "reasons"):
        assert found["connection_events"][name].tolist() == events[name].tolist()
    (verdict,), (last,) = (t["connection_verdicts"].to_dict("records") for t in (found, parts[1]))
    of_offsets = ("last_offset", "since_offset")
    assert {k: v for k, v in verdict.items() if k not in of_offsets} == {
        k: v for k, v in last.items() if k not in of_offsets
    }


def test_nothing_comes_of_connections_without_a_window(
    sessions: list[Session], predictor: Predictor, explainer: Explainer
) -> None:
    assert compute(lay_out(sessions[:2]), predictor, explainer) == {}
