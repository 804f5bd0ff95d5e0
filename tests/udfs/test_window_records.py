"""Records of windows: what is in them is what was scored, to the last bit, at the places that the document names."""

from __future__ import annotations

import json
import math
import struct

import numpy as np
import pytest

from model.artifact.artifact_folder import load_predictor
from model.artifact.shipped_artifacts import CATALOGUE_ARTIFACT, DEFAULT_ARTIFACT
from synthetic.sessions import synthetic_sessions
from udfs.errors import SchemaError
from udfs.features import FEATURES
from udfs.scoring import Predictor, Scores, score_windows
from udfs.signatures import N_TRAITS, traits
from udfs.window_records import model_text, record_rows, window_records
from udfs.windows import session_windows


@pytest.fixture(scope="module", params=[DEFAULT_ARTIFACT, CATALOGUE_ARTIFACT], ids=["default", "catalogue"])
def predictor(request: pytest.FixtureRequest) -> Predictor:
    return load_predictor(request.param)


@pytest.fixture(scope="module")
def scores(predictor: Predictor) -> Scores:
    session = synthetic_sessions(per_exchange=1, seed=4, start_ns=10**18, n_messages=400)[1].session
    return score_windows(session_windows(session), predictor)


def test_a_record_holds_what_was_scored(scores: Scores, predictor: Predictor) -> None:
    n_features, n = len(FEATURES), len(predictor.classes)
    for row, record in enumerate(window_records(scores)):
        numbers = struct.unpack(f"<{n_features}d{n}i{n}h{N_TRAITS}hh", record.tobytes())
        assert struct.pack(f"<{n_features}d", *numbers[:n_features]) == scores.features[row].tobytes()
        millionths, evidence = numbers[n_features : n_features + n], numbers[n_features + n : n_features + 2 * n]
        assert [one / 10**6 for one in millionths] == scores.probabilities[row].tolist()
        assert list(evidence) == [round(1000 * math.log(max(p, 0.001))) for p in scores.probabilities[row]]
        assert list(numbers[n_features + 2 * n : -1]) == traits(scores.features[row : row + 1])[0].tolist()
        assert predictor.classes[numbers[-1]] == scores.predicted[row]


def test_a_model_is_told_in_full(predictor: Predictor) -> None:
    rule = predictor.decision_rule
    assert json.loads(model_text(predictor)) == {
        "model_version": predictor.model_version,
        "classes": list(predictor.classes),
        "bounds_millinats": list(rule.bounds_millinats),
        "unknown": predictor.classes.index("unknown"),
        "intercept": rule.intercept,
        "slope_per_nat": rule.slope_per_nat,
    }


def test_an_empty_batch_is_empty(predictor: Predictor) -> None:
    short = synthetic_sessions(per_exchange=1, seed=4, start_ns=10**18, n_messages=40)[0].session
    assert record_rows(score_windows(session_windows(short), predictor), predictor).shape == (0, 4)


def test_what_does_not_fit_is_refused(scores: Scores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("udfs.window_records.traits", lambda features: np.full((len(features), N_TRAITS), 32_768))
    with pytest.raises(SchemaError, match="Expected traits from -32768 to 32767, found 32768 to 32768"):
        window_records(scores)
