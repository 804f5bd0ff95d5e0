"""Rows for tables: what is decided of connections, against a case derived by hand, and alone as in a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from udfs.history import History
from udfs.rows import DECISION_COLUMNS, array_literals, decision_rows, explanations, read_array_literal
from udfs.signatures import N_TRAITS, pool, signatures
from udfs.verdicts import HISTORY, DecisionRule

CLASSES = ("binance", "kraken", "unknown")
RULE = DecisionRule(bounds_millinats=(10_000, 10_000, 10_000), unknown=2, intercept=0.0, slope_per_nat=0.1)

SECOND_NS = 10**9
FOR_BINANCE, FOR_KRAKEN, A_LITTLE_FOR_KRAKEN = [0, -6000, -6000], [-6000, 0, -6000], [-1600, 0, -1600]


def make_history(*connections: list[list[int]]) -> History:
    """Lay out connections of a window a second and 25 offsets, each by the evidence of its windows."""
    history = History(
        n_windows=np.array([len(evidence) for evidence in connections]),
        window_start_ns=np.zeros((len(connections), HISTORY), dtype=np.int64),
        first_offset=np.zeros((len(connections), HISTORY), dtype=np.int64),
        evidence=np.zeros((len(connections), HISTORY, len(CLASSES)), dtype=np.int64),
        traits=np.zeros((len(connections), HISTORY, N_TRAITS), dtype=np.int64),
    )
    for row, evidence in enumerate(connections):
        n = len(evidence)
        history.window_start_ns[row, HISTORY - n :] = np.arange(n) * SECOND_NS
        history.first_offset[row, HISTORY - n :] = np.arange(n) * 25
        history.evidence[row, HISTORY - n :] = evidence
        history.traits[row, HISTORY - n :] = np.arange(n * N_TRAITS).reshape(-1, N_TRAITS)
    return history


def test_decisions_are_dated_by_the_window_with_which_they_began() -> None:
    history = make_history([FOR_BINANCE] * 3 + [FOR_KRAKEN] * 2, [A_LITTLE_FOR_KRAKEN] * 2, [FOR_BINANCE, FOR_KRAKEN])
    rows = decision_rows(history, CLASSES, RULE)
    assert list(rows) == list(DECISION_COLUMNS)
    assert rows["decisive"].tolist() == ["kraken", None, None]
    assert rows["overturns"].tolist() == [False, False, False]
    assert rows["leaning"].tolist() == [None, "kraken", None]
    assert rows["strength_nats"].tolist() == [12.0, 3.2, 0.0]
    assert rows["suffix_windows"].tolist() == [2, 2, 0]
    assert rows["since_offset"].tolist() == [75, 0, 25]
    assert [at[17:19] for at in rows["since_at"]] == ["03", "00", "01"]
    assert rows["probability"].tolist() == pytest.approx([1 / (1 + np.exp(-s / 10)) for s in (12, 3.2, 0)], abs=1e-6)
    pooled = pool(history.traits, history.n_windows)
    assert rows["pooled_signature"].tolist() == signatures(pooled).tolist()


@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(0, 12))
def test_a_row_does_not_depend_on_its_batch(seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    connections = [
        rng.integers(-6908, 0, size=(n, len(CLASSES))).tolist() for n in rng.integers(1, HISTORY + 1, size=12)
    ]
    whole = decision_rows(make_history(*connections), CLASSES, RULE)
    parts = [
        decision_rows(make_history(*part), CLASSES, RULE) for part in (connections[:cut], connections[cut:]) if part
    ]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole, check_exact=True)


class Namer:
    """Predicts nothing in particular; explains a row by its verdict, the class against it, and the row's own number."""

    classes = CLASSES
    model_version = "v"
    refusal_thresholds = (1.0, 1.0, np.inf)
    decision_rule = RULE

    def predict(self, features: np.ndarray) -> np.ndarray:
        return np.tile([0.2, 0.5, 0.3], (len(features), 1))

    def explain(self, features: np.ndarray, verdicts: Sequence[str], against: Sequence[str]) -> np.ndarray:
        rows = zip(features[:, 0], verdicts, against, strict=True)
        return np.array([f"{number:.0f} {verdict} {other}" for number, verdict, other in rows], dtype=object)


def test_alerts_alone_are_explained_each_against_what_it_declares_or_the_runner_up() -> None:
    features = np.arange(5.0)[:, None]
    verdicts = ["binance", "binance", "unknown", "unknown", "kraken"]
    declared = ["binance", "kraken", None, "binance", None]
    texts = explanations(features, verdicts, declared, Namer(), Namer())
    assert texts.tolist() == [None, "1 binance kraken", "2 unknown kraken", "3 unknown binance", None]


@given(
    arrays(np.float64, st.tuples(st.integers(0, 5), st.integers(1, 60)), elements=st.floats(-9, 9) | st.just(np.nan)),
    st.integers(0, 5),
)
def test_features_are_written_as_arrays_of_six_decimals(values: np.ndarray, cut: int) -> None:
    texts = array_literals(values)
    found = [read_array_literal(text) for text in texts]
    rounded = np.round(values, 6)
    assert [[n is None for n in row] for row in found] == np.isnan(values).tolist()
    numbers = np.array([[np.nan if n is None else n for n in row] for row in found]).reshape(values.shape)
    np.testing.assert_allclose(numbers, rounded, rtol=6e-8, atol=0)
    assert not np.signbit(numbers[numbers == 0]).any()
    assert [*array_literals(values[:cut]), *array_literals(values[cut:])] == texts.tolist()


def test_features_of_a_window_by_hand() -> None:
    values = np.array([[1 / 3, np.nan, 5.0, -0.0, 1e-6, 4.9e-7], [2 / 3, 123.4567891, np.nan, 1.0, 0.5, 1e-5]])
    assert array_literals(values).tolist() == [
        "{0.333333,null,5.0,0.0,0.000001,0.0}",
        "{0.666667,123.45679,null,1.0,0.5,0.00001}",
    ]
