"""Who names: the model as in service, the plain classifier, and both on what is left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.evaluation.classifiers import CalibratedBooster, PlainBooster, follow
from model.evaluation.predictions import CERTAIN, LIKELY, UNDECIDED, LeftOut, Prediction, last_windows
from model.training.boosting import Grown, Recipe, grow
from model.training.calibrator import calibrate, fit_calibrator
from model.training.cross_fitting import Fold, divide, make_folds
from model.training.dataset import Dataset, Source, build_dataset, concatenate
from model.training.training_run import CLASSES, Amounts, draw_synthetic
from udfs.current_verdict import connection_verdict
from udfs.schema import UNKNOWN
from udfs.verdicts import DecisionRule
from udfs.windows import count_windows

CERTAINTIES = {UNDECIDED: "undecided", LIKELY: "likely", CERTAIN: "certain"}


@pytest.fixture(scope="module")
def drawn() -> Dataset:
    return draw_synthetic(Amounts(per_exchange=4, n_unknown_venues=5, n_messages=200), 11)


@pytest.fixture(scope="module")
def grown(drawn: Dataset) -> Grown:
    return grow(Recipe(dataset=drawn, classes=tuple(CLASSES), n_trees=20, seed=3))


@pytest.fixture(scope="module")
def plain(drawn: Dataset) -> Grown:
    # So many trees that no two windows score alike, which a threshold could not tell apart.
    return grow(Recipe(dataset=drawn, classes=tuple(CLASSES[:-1]), n_trees=90, seed=3))


def test_a_plain_classifier_knows_no_unknown(drawn: Dataset, plain: Grown) -> None:
    without = drawn.take(drawn.labels != UNKNOWN)
    again = grow(Recipe(dataset=without, classes=tuple(CLASSES[:-1]), n_trees=90, seed=3))
    assert plain.booster.save_raw("ubj") == again.booster.save_raw("ubj")
    assert plain.predict(drawn.features).shape == (len(drawn.features), 3)


evidence_rows = st.lists(st.lists(st.integers(-6908, 0), min_size=4, max_size=4), min_size=1, max_size=40)


@given(evidence_rows)
def test_what_stood_after_each_window_is_the_verdict_of_so_many(rows: list[list[int]]) -> None:
    evidence = np.array(rows, dtype=np.int64)
    rule = DecisionRule(bounds_millinats=(7000, 8000, 7500, 9000), unknown=3, intercept=0.0, slope_per_nat=0.1)
    classes = tuple(CLASSES)
    current_verdicts, certainty, since = follow(evidence, connection_verdict(evidence, rule, classes), rule, classes)
    for n in range(1, len(rows) + 1):
        verdict = connection_verdict(evidence[:n], rule, classes)
        assert classes[current_verdicts[n - 1]] == verdict.exchange
        assert CERTAINTIES[certainty[n - 1]] == verdict.certainty
        changed = [change.since_window for change in verdict.changes if change.window == n - 1]
        assert since[n - 1] == (changed[0] if changed else -1)


def test_the_model_names_as_its_calibrator_does(drawn: Dataset, grown: Grown) -> None:
    fresh = draw_synthetic(Amounts(per_exchange=4, n_unknown_venues=5, n_messages=200), 12)
    by = fit_calibrator(fresh, grown.predict(fresh.features), grown.classes)
    said = calibrate(drawn, grown.predict(drawn.features), by, 0.05)
    classifier = CalibratedBooster(grown=grown, calibrator=by)
    prediction = classifier.predict(drawn, 0.05)
    np.testing.assert_array_equal(prediction.probabilities, said.probabilities)
    np.testing.assert_array_equal(prediction.windows, said.windows)
    assert prediction.current_verdict_names[last_windows(drawn)].tolist() == [
        verdict.exchange for verdict in said.connections
    ]
    assert prediction.verdict_probabilities.tolist() == [verdict.probability for verdict in said.connections]
    np.testing.assert_array_equal(classifier.refuse(drawn, [0.05])[0], prediction.window_names == UNKNOWN)


def test_the_plain_classifier_refuses_as_many_as_requested(drawn: Dataset, plain: Grown) -> None:
    drawn = drawn.take(np.bincount(drawn.session) == count_windows(200))
    raw = plain.predict(drawn.features)
    classifier = PlainBooster.fitted(plain, drawn, raw)
    known = drawn.take(drawn.labels != UNKNOWN)
    refused = classifier.refuse(known, [0.1, 0.2])
    # On what chose the threshold, all sessions being as long, at most the requested share, less than a window less.
    assert 0.1 - 1 / len(known.features) <= refused[0].mean() <= 0.1
    assert refused[0].sum() < refused[1].sum()
    prediction = classifier.predict(known, 0.1)
    np.testing.assert_array_equal(prediction.window_names == UNKNOWN, refused[0])
    rows = np.flatnonzero(known.session == 2)
    naive = plain.predict(known.features[rows]).mean(axis=0)
    assert prediction.connection_scores[2] == pytest.approx(1 - naive.max())
    assert set(prediction.certainty.tolist()) == {CERTAIN}


class Numbering:
    """Says of each window its first feature."""

    def __init__(self, sign: int) -> None:
        self.sign = sign

    def predict(self, dataset: Dataset, false_unknown_rate: float) -> Prediction:
        values = self.sign * dataset.features[:, 0]
        whole = values.astype(np.int64)
        return Prediction(
            classes=tuple(CLASSES),
            probabilities=values[:, None],
            windows=whole,
            unknown_scores=values,
            current_verdicts=whole,
            certainty=whole,
            since=whole,
            verdict_probabilities=self.sign * np.arange(len(dataset.sources)) + 0.5,
            connection_scores=np.zeros(len(dataset.sources)),
        )

    def refuse(self, dataset: Dataset, rates: Sequence[float]) -> NDArray[np.bool_]:
        return np.array([self.sign * dataset.features[:, 0] > rate for rate in rates])


def make_recordings() -> Dataset:
    labels = ["kraken", "unknown", "binance", "unknown", "binance"]
    groups = ["day 1", "day 1", "day 2", "day 3", "day 4"]
    families = ["kraken", "A", "binance", "B", "binance"]
    sources = [
        Source(name=f"{i}", label=label, group=group, family=family, real=True, sha256="")
        for i, (label, group, family) in enumerate(zip(labels, groups, families, strict=True))
    ]
    session = np.array([0, 0, 1, 2, 2, 2, 3, 4])
    return Dataset(sources=sources, features=np.arange(1.0, 9.0)[:, None], session=session)


def test_each_session_is_named_by_who_did_not_see_it() -> None:
    recordings = make_recordings()
    odd = np.array([False, True, False, True, False])
    folds = [Fold(tested=odd, trained=~odd), Fold(tested=~odd, trained=odd)]
    left_out = LeftOut(folds=folds, classifiers=[Numbering(-1), Numbering(1)])
    prediction = left_out.predict(recordings, 0.01)
    assert prediction.windows.tolist() == [1, 2, -3, 4, 5, 6, -7, 8]
    assert prediction.verdict_probabilities.tolist() == [0.5, 0.5, 1.5, -0.5, 2.5]
    assert left_out.refuse(recordings, [0, 4.5]).tolist() == [
        [True, True, False, True, True, True, False, True],
        [False, False, False, False, True, True, False, True],
    ]


def test_merged_folds_train_on_nothing_related() -> None:
    recordings = make_recordings()
    folds = make_folds(recordings)
    assert len(folds) > 2
    merged = divide(recordings, 2)
    assert len(merged) == 2
    assert np.array([fold.tested for fold in merged]).sum(axis=0).tolist() == [1] * 5
    for fold in merged:
        assert not (fold.tested & fold.trained).any()
        for group in {
            recordings.sources[i].group for i in np.flatnonzero(fold.tested) if recordings.labels[i] != UNKNOWN
        }:
            own = [source.group == group for source in recordings.sources]
            assert not (fold.trained & np.array(own)).any()
    assert [fold.tested.tolist() for fold in divide(recordings, 99)] == [fold.tested.tolist() for fold in folds]


def test_parts_of_a_dataset_predict_as_the_whole(drawn: Dataset, grown: Grown) -> None:
    first = drawn.take(drawn.labels == "kraken")
    rest = drawn.take(drawn.labels != "kraken")
    whole = grown.predict(concatenate([first, rest]).features)
    np.testing.assert_array_equal(whole, np.concatenate([grown.predict(first.features), grown.predict(rest.features)]))
    assert grown.predict(build_dataset([]).features).shape == (0, 4)
