"""Who names: the model as in service, the plain classifier, and both on what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.evaluation.classifiers import JudgedBooster, PlainBooster, follow
from model.evaluation.neighbours import FeatureSpace, LeafSpace, choose_references
from model.evaluation.predictions import CERTAIN, LIKELY, UNDECIDED, LeftOut, Opinion, last_windows
from model.evaluation.ways import conformal_p, recombined
from model.training.boosting import Grown, Recipe, grow
from model.training.calibrator import fit_judge, judge
from model.training.cross_fitting import Fold, divide, make_folds
from model.training.dataset import Dataset, Source, build_dataset, concatenate
from model.training.training_run import CLASSES, Amounts, draw_synthetic
from udfs.current_verdict import connection_verdict
from udfs.features import BLOCKS
from udfs.schema import UNKNOWN
from udfs.verdicts import DecisionRule

CERTAINTIES = {UNDECIDED: "undecided", LIKELY: "likely", CERTAIN: "certain"}


@pytest.fixture(scope="module")
def drawn() -> Dataset:
    return draw_synthetic(Amounts(per_exchange=4, n_strangers=5, n_messages=200), 11)


@pytest.fixture(scope="module")
def grown(drawn: Dataset) -> Grown:
    return grow(Recipe(dataset=drawn, classes=tuple(CLASSES), n_trees=20, seed=3))


@pytest.fixture(scope="module")
def plain(drawn: Dataset) -> Grown:
    return grow(Recipe(dataset=drawn, classes=tuple(CLASSES[:-1]), n_trees=15, seed=3))


def test_a_plain_classifier_knows_no_unknown(drawn: Dataset, plain: Grown) -> None:
    without = drawn.take(drawn.labels != UNKNOWN)
    again = grow(Recipe(dataset=without, classes=tuple(CLASSES[:-1]), n_trees=15, seed=3))
    assert plain.booster.save_raw("ubj") == again.booster.save_raw("ubj")
    assert plain.predict(drawn.features).shape == (len(drawn.features), 3)


evidence_rows = st.lists(st.lists(st.integers(-6908, 0), min_size=4, max_size=4), min_size=1, max_size=40)


@given(evidence_rows)
def test_what_stood_after_each_window_is_the_verdict_of_so_many(rows: list[list[int]]) -> None:
    evidence = np.array(rows, dtype=np.int64)
    rule = DecisionRule(bounds_millinats=(7000, 8000, 7500, 9000), unknown=3, intercept=0.0, slope_per_nat=0.1)
    classes = tuple(CLASSES)
    standing, certainty, since = follow(evidence, connection_verdict(evidence, rule, classes), rule, classes)
    for n in range(1, len(rows) + 1):
        verdict = connection_verdict(evidence[:n], rule, classes)
        assert classes[standing[n - 1]] == verdict.exchange
        assert CERTAINTIES[certainty[n - 1]] == verdict.certainty
        changed = [change.since_window for change in verdict.changes if change.window == n - 1]
        assert since[n - 1] == (changed[0] if changed else -1)


def test_the_model_names_as_its_judge_does(drawn: Dataset, grown: Grown) -> None:
    fresh = draw_synthetic(Amounts(per_exchange=4, n_strangers=5, n_messages=200), 12)
    by = fit_judge(fresh, grown.predict(fresh.features), grown.classes)
    said = judge(drawn, grown.predict(drawn.features), by, 0.05)
    namer = JudgedBooster(grown=grown, judge=by)
    opinion = namer.opine(drawn, 0.05)
    np.testing.assert_array_equal(opinion.probabilities, said.probabilities)
    np.testing.assert_array_equal(opinion.windows, said.windows)
    assert opinion.standing_names[last_windows(drawn)].tolist() == [verdict.exchange for verdict in said.connections]
    assert opinion.verdict_probabilities.tolist() == [verdict.probability for verdict in said.connections]
    np.testing.assert_array_equal(namer.refuse(drawn, [0.05])[0], opinion.window_names == UNKNOWN)


def test_the_plain_classifier_refuses_as_many_as_requested(drawn: Dataset, plain: Grown) -> None:
    raw = plain.predict(drawn.features)
    namer = PlainBooster.fitted(plain, drawn, raw)
    known = drawn.take(drawn.labels != UNKNOWN)
    refused = namer.refuse(known, [0.1, 0.2])
    # On what chose the threshold, all sessions being as long, at most the requested share, less than a window less.
    assert 0.1 - 1 / len(known.features) <= refused[0].mean() <= 0.1
    assert refused[0].sum() < refused[1].sum()
    opinion = namer.opine(known, 0.1)
    np.testing.assert_array_equal(opinion.window_names == UNKNOWN, refused[0])
    rows = np.flatnonzero(known.session == 2)
    naive = plain.predict(known.features[rows]).mean(axis=0)
    assert opinion.connection_scores[2] == pytest.approx(1 - naive.max())
    assert set(opinion.certainty.tolist()) == {CERTAIN}


class Numbering:
    """Says of each window its first feature."""

    def __init__(self, sign: int) -> None:
        self.sign = sign

    def opine(self, dataset: Dataset, false_unknown_rate: float) -> Opinion:
        values = self.sign * dataset.features[:, 0]
        whole = values.astype(np.int64)
        return Opinion(
            classes=tuple(CLASSES),
            probabilities=values[:, None],
            windows=whole,
            unknown_scores=values,
            standing=whole,
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
    left_out = LeftOut(folds=folds, namers=[Numbering(-1), Numbering(1)])
    opinion = left_out.opine(recordings, 0.01)
    assert opinion.windows.tolist() == [1, 2, -3, 4, 5, 6, -7, 8]
    assert opinion.verdict_probabilities.tolist() == [0.5, 0.5, 1.5, -0.5, 2.5]
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


def test_recombined_windows_take_families_from_connections(drawn: Dataset) -> None:
    made = recombined(drawn, 6, 5, np.random.default_rng(1))
    assert made.labels.tolist() == [UNKNOWN] * 6
    assert np.bincount(made.session).tolist() == [5] * 6
    names = [feature.name for block in BLOCKS for feature in block.features]
    sessions_of_first = set()
    for block in BLOCKS:
        columns = [names.index(feature.name) for feature in block.features]
        for session in range(6):
            donors = set(range(len(drawn.sources)))
            for row in made.features[made.session == session][:, columns]:
                same = (np.nan_to_num(drawn.features[:, columns], nan=-9) == np.nan_to_num(row, nan=-9)).all(axis=1)
                donors &= set(drawn.session[same].tolist())
            assert donors, "all windows' values of a family come from one connection"
            if session == 0:
                sessions_of_first.add(min(donors))
    assert len(sessions_of_first) > 1


def test_conformal_p_counts_what_is_as_strange() -> None:
    rng = np.random.default_rng(2)
    calibration, values = rng.integers(0, 9, 30).astype(float), rng.integers(-1, 10, 20).astype(float)
    naive = [((calibration >= value).sum() + 1) / 31 for value in values]
    np.testing.assert_allclose(conformal_p(calibration, np.ones(30), values), naive)


def test_leaf_distance_is_the_share_of_trees_that_differ(drawn: Dataset, plain: Grown) -> None:
    space = LeafSpace.fitted(plain, drawn, np.random.default_rng(4))
    references = choose_references(drawn, plain.classes, np.random.default_rng(4))
    import xgboost as xgb

    def leaves(features: NDArray[np.float64]) -> NDArray[np.float32]:
        matrix = xgb.DMatrix(features, feature_names=plain.booster.feature_names)
        return np.asarray(plain.booster.predict(matrix, pred_leaf=True)).reshape(len(features), -1)

    rows = drawn.features[:7]
    found = space.distances(rows)
    for column, own in enumerate(references):
        differing = (leaves(rows)[:, None, :] != leaves(own)[None, :, :]).mean(axis=2)
        np.testing.assert_allclose(found[:, column], np.sort(differing, axis=1)[:, 4], atol=1e-12)


def test_feature_distance_is_euclids(drawn: Dataset) -> None:
    space = FeatureSpace.fitted(drawn, ("binance", "kraken"), np.random.default_rng(5))
    own = space.references[0]
    squared = np.sort(((space.references - own) ** 2).sum(axis=1))
    # The reference's own window is among those asked about: find it by its distance profile.
    known = drawn.take(np.isin(drawn.labels, ("binance", "kraken")))
    distances = space.distances(known.features)
    assert np.abs(distances - np.sqrt(squared[4])).min() < 1e-6
    far = replace(known, features=known.features + 100)
    assert space.distances(far.features).min() > np.median(distances)


def test_parts_of_a_dataset_predict_as_the_whole(drawn: Dataset, grown: Grown) -> None:
    first = drawn.take(drawn.labels == "kraken")
    rest = drawn.take(drawn.labels != "kraken")
    whole = grown.predict(concatenate([first, rest]).features)
    np.testing.assert_array_equal(whole, np.concatenate([grown.predict(first.features), grown.predict(rest.features)]))
    assert grown.predict(build_dataset([]).features).shape == (0, 4)
