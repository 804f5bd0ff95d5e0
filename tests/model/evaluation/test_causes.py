"""Confusions in sentences, by hand."""

from __future__ import annotations

import numpy as np

from model.evaluation.causes import connection_causes, find_causes, window_causes
from model.evaluation.predictions import CERTAIN, UNDECIDED, Opinion, last_windows
from model.training.dataset import Dataset, Source
from udfs.schema import UNKNOWN

CLASSES = ("binance", "kraken", UNKNOWN)


def make_dataset() -> Dataset:
    rows = [("a", "binance", "binance-spot"), ("b", "binance", "binance-spot"), ("c", UNKNOWN, "FTX")]
    sources = [Source(name=n, label=lab, group=n, family=fam, real=True, sha256="") for n, lab, fam in rows]
    session = np.array([0, 0, 1, 1, 2])
    return Dataset(sources=sources, features=np.zeros((5, 1)), session=session)


def make_opinion(standing: list[int], certainty: list[int]) -> Opinion:
    n = len(standing)
    return Opinion(
        classes=CLASSES,
        probabilities=np.zeros((n, 3)),
        windows=np.array(standing),
        unknown_scores=np.zeros(n),
        standing=np.array(standing),
        certainty=np.array(certainty),
        since=np.full(n, -1),
        verdict_probabilities=np.ones(3),
        connection_scores=np.zeros(3),
    )


def test_connections_are_counted_by_behaviour_or_listed_by_name() -> None:
    dataset = make_dataset()
    opinion = make_opinion([0, 1, 0, 1, 2], [CERTAIN, CERTAIN, CERTAIN, CERTAIN, UNDECIDED])
    last = last_windows(dataset)
    by_behaviour = connection_causes(dataset, opinion, last, by_family=True)
    # The stranger is undecided, which is no error.
    assert by_behaviour == ("binance-spot is called kraken (2 of 3)",)
    by_name = connection_causes(dataset, opinion, last, by_family=False)
    assert by_name == ("a is called kraken (1 of 3)", "b is called kraken (1 of 3)")


def test_windows_are_counted_by_session() -> None:
    dataset = make_dataset()
    names = np.array(["kraken", "kraken", "binance", UNKNOWN, "kraken"])
    wrong = names != dataset.window_labels
    assert window_causes(dataset, names, wrong)[0] == "a: windows called kraken (2 of 4 such windows)"
    assert len(window_causes(dataset, names, wrong)) == 3


def test_an_undecided_exchange_stands_in_the_way() -> None:
    dataset = make_dataset()
    opinion = make_opinion([0, 2, 0, 0, 0], [CERTAIN, UNDECIDED, CERTAIN, CERTAIN, CERTAIN])
    causes = find_causes((dataset, opinion), (dataset, opinion))
    assert causes.recordings_known == ("a is undecided (1 of 2)",)
    assert causes.recordings_strangers == ("c is called binance (1 of 1)",)
    assert causes.recordings_refused == ("a: windows called unknown (1 of 1 such windows)",)
    assert causes.fresh_connections == ("binance-spot is undecided (1 of 2)",)
