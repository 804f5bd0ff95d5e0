"""Which model scores which window, and that a batch of several models' windows is what each model says of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.artifact.artifact_folder import explainer_of, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from synthetic.sessions import synthetic_sessions
from udfs.explanations import Explainer
from udfs.features import compute_features
from udfs.model_schedule import Activation, Schedule, by_version, explain_scheduled, score_scheduled
from udfs.rows import explanations
from udfs.schema import WINDOW_COLUMNS, Windows
from udfs.scoring import Predictor, score_windows
from udfs.window_records import record_rows
from udfs.windows import session_windows

offsets = st.lists(st.integers(0, 30), max_size=4).map(tuple)


@given(
    begins=st.lists(offsets, max_size=4),
    places=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30)), max_size=20),
)
def test_the_last_activation_that_has_begun_scores(
    begins: list[tuple[int, ...]], places: list[tuple[int, int]]
) -> None:
    activations = [Activation(model_version="first")]
    activations += [Activation(model_version=f"v{i}", from_offsets=begin) for i, begin in enumerate(begins)]
    expected = []
    for partition, offset in places:
        name = "first"
        for i, begin in enumerate(begins):
            if partition >= len(begin) or offset >= begin[partition]:
                name = f"v{i}"
        expected.append(name)
    found = Schedule(activations=tuple(activations)).versions_at(
        np.array([p for p, _ in places], dtype=np.int64), np.array([o for _, o in places], dtype=np.int64)
    )
    assert found.tolist() == expected


def test_rows_keep_their_order() -> None:
    versions = np.array(["b", "a", "b", "c", "a"], dtype=object)
    asked = []

    def compute(version: str, chosen: np.ndarray) -> pd.DataFrame:
        asked.append((version, chosen.tolist()))
        return pd.DataFrame({"of": chosen, "by": version})

    rows = by_version(versions, compute)
    assert sorted(asked) == [("a", [1, 4]), ("b", [0, 2]), ("c", [3])]
    assert (rows["of"].tolist(), rows["by"].tolist()) == ([0, 1, 2, 3, 4], versions.tolist())


class Swapping:
    """Two models; the schedule changes as often as it is told to while a batch is being scored."""

    def __init__(self, predictors: list[Predictor], schedules: list[Schedule]) -> None:
        self.predictors = {p.model_version: p for p in predictors}
        self.schedules = schedules

    def schedule(self) -> Schedule:
        return self.schedules[0]

    def still_holds(self, schedule: Schedule) -> bool:
        if len(self.schedules) > 1:
            self.schedules.pop(0)
        return schedule == self.schedules[0]

    def predictor(self, model_version: str) -> Predictor:
        return self.predictors[model_version]

    def explainer(self, model_version: str) -> Explainer:
        return explainer_of(self.predictors[model_version])


@pytest.fixture(scope="module")
def predictors(toy_model: Path) -> list[Predictor]:
    return [load_predictor(DEFAULT_ARTIFACT), load_predictor(toy_model)]


@pytest.fixture(scope="module")
def windows() -> Windows:
    sessions = [s.session for s in synthetic_sessions(per_exchange=1, seed=8, start_ns=10**18, n_messages=300)]
    parts = [session_windows(session) for session in sessions]
    return Windows(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in WINDOW_COLUMNS})


def test_each_window_is_scored_and_explained_by_its_model(predictors: list[Predictor], windows: Windows) -> None:
    n = len(windows)
    places = np.arange(n * 50).reshape(n, 50)
    half = int(places[n // 2, -1])
    first, second = (p.model_version for p in predictors)
    only = Schedule(activations=(Activation(model_version=first),))
    both = Schedule(activations=(*only.activations, Activation(model_version=second, from_offsets=(half,))))
    models = Swapping(predictors, [only, both])
    rows = score_scheduled(windows, places, np.zeros(n, dtype=np.int64), models)
    assert rows["model_version"].tolist() == [first] * (n // 2) + [second] * (n - n // 2)
    for predictor in predictors:
        expected = record_rows(score_windows(windows, predictor), predictor)
        own = (rows["model_version"] == predictor.model_version).to_numpy()
        pd.testing.assert_frame_equal(rows[own], expected[own], check_exact=True)
    versions = rows["model_version"].to_numpy(dtype=object)
    verdicts, declared = np.full(n, "kraken", dtype=object), np.full(n, "binance", dtype=object)
    features = compute_features(windows)
    texts = explain_scheduled(features, verdicts, declared, versions, models)
    for predictor in predictors:
        own = np.flatnonzero(versions == predictor.model_version)
        expected = explanations(
            features[own], ["kraken"] * len(own), ["binance"] * len(own), predictor, explainer_of(predictor)
        )
        assert texts[own].tolist() == expected.tolist()


@given(
    begins=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=4),
    first=st.integers(0, 8),
    other=st.integers(0, 8),
)
def test_models_of_unread_records_are_those_that_some_window_there_has(
    begins: list[tuple[int, int]], first: int, other: int
) -> None:
    """Against a look at every offset up to one behind all changes."""
    swaps = [Activation(model_version=str(n), from_offsets=from_offsets) for n, from_offsets in enumerate(begins, 1)]
    schedule = Schedule(activations=(Activation(model_version="0"), *swaps))
    places = [(0, offset) for offset in range(first, 10)] + [(1, offset) for offset in range(other, 10)]
    at, last = np.array(places).T
    assert set(schedule.versions_from({0: first, 1: other})) == set(schedule.versions_at(at, last))
    assert schedule.versions_from({}) == [activation.model_version for activation in schedule.activations]
