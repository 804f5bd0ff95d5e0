"""What is counted, by hand: small datasets, predictions written down, and the numbers that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from model.evaluation.accuracy_over_messages import accuracy_over_messages
from model.evaluation.alert_delays import Switched, detection_figures, false_alerts, find_alerts
from model.evaluation.confidence import confidence_figures
from model.evaluation.figures import NOT_DECIDED, Names, main_figures
from model.evaluation.held_out_recordings import list_recordings, predict_recorder
from model.evaluation.predictions import CERTAIN, LIKELY, UNDECIDED, Prediction, last_windows, window_numbers
from model.evaluation.refusal import alert_precision, known_versus_unknown, requested_and_observed
from model.evaluation.signature_stability import stability
from model.training.dataset import Dataset, Source
from udfs.features import FEATURES
from udfs.schema import UNKNOWN

CLASSES = ("binance", "coinbase", "kraken", UNKNOWN)


def make_dataset(labels: Sequence[str], windows: Sequence[int], *, recorder: str = "r") -> Dataset:
    sources = [
        Source(name=f"s{i}", label=label, group=f"{recorder} day{i}", family=label, real=True, sha256="")
        for i, label in enumerate(labels)
    ]
    session = np.repeat(np.arange(len(labels)), windows)
    return Dataset(sources=sources, features=np.zeros((len(session), len(FEATURES))), session=session)


def make_prediction(
    dataset: Dataset,
    windows: Sequence[str],
    current_verdicts: Sequence[str],
    certainty: Sequence[int],
    **others: object,
) -> Prediction:
    index = {name: i for i, name in enumerate(CLASSES)}
    n = len(dataset.session)
    fields = {
        "probabilities": np.full((n, 4), 0.25),
        "unknown_scores": np.zeros(n),
        "since": np.full(n, -1),
        "verdict_probabilities": np.ones(len(dataset.sources)),
        "connection_scores": np.zeros(len(dataset.sources)),
        **others,
    }
    return Prediction(
        classes=CLASSES,
        windows=np.array([index[name] for name in windows]),
        current_verdicts=np.array([index[name] for name in current_verdicts]),
        certainty=np.array(certainty),
        **fields,  # type: ignore[arg-type]
    )


def test_rows_of_sessions() -> None:
    dataset = make_dataset(["binance", "kraken", "unknown"], [2, 0, 3])
    assert last_windows(dataset).tolist() == [1, 4]
    assert window_numbers(dataset).tolist() == [0, 1, 0, 1, 2]


def test_main_figures_by_hand() -> None:
    # Of 5 known windows 3 are right, 1 is refused, 1 wrong; of 3 unknown ones 2 are refused. Of 3 known connections
    # one is right, one wrong, one undecided; the unknown venue is undecided, which users see as unknown.
    dataset = make_dataset(["binance", "kraken", "kraken", "unknown"], [2, 2, 1, 3])
    prediction = make_prediction(
        dataset,
        ["binance", "binance", "kraken", "unknown", "coinbase", "unknown", "unknown", "kraken"],
        ["unknown", "binance", "kraken", "coinbase", "unknown", "unknown", "unknown", "unknown"],
        [UNDECIDED, LIKELY, LIKELY, CERTAIN, UNDECIDED, UNDECIDED, UNDECIDED, UNDECIDED],
    )
    figures = main_figures(Names.of(dataset, prediction))
    windows, connections = figures["windows"], figures["connections"]
    counts = {name: (s["hits"], s["of"]) for name, s in windows.items() if name != "confusion"}
    assert counts == {
        "known_right": (3, 5),
        "known_refused": (1, 5),
        "known_wrong": (1, 5),
        "unknown_venues_refused": (2, 3),
    }
    counts = {name: (s["hits"], s["of"]) for name, s in connections.items() if name != "confusion"}
    assert counts == {
        "known_right": (1, 3),
        "known_refused": (1, 3),
        "known_wrong": (1, 3),
        "unknown_venues_refused": (1, 1),
        "known_undecided": (1, 3),
        "unknown_venues_undecided": (1, 1),
    }
    assert windows["confusion"]["kraken"] == {"coinbase": 1, "kraken": 1, "unknown": 1}
    assert connections["confusion"] == {
        "binance": {"binance": 1},
        "kraken": {"coinbase": 1, NOT_DECIDED: 1},
        "unknown": {NOT_DECIDED: 1},
    }


def test_a_session_without_windows_does_not_count() -> None:
    dataset = make_dataset(["binance", "kraken"], [1, 0])
    names = Names.by_session(dataset, ["binance", "binance"])
    assert main_figures(names)["connections"]["known_right"]["of"] == 1


def test_the_recorder_is_predicted_from_its_other_recordings() -> None:
    dataset = make_dataset(["binance", "kraken", "kraken", "unknown", "unknown"], [1] * 5)
    # Each time the other four: 2 kraken and 2 unknown; then binance, kraken and 2 unknown (twice); then ...
    assert predict_recorder(dataset) == ["kraken", "unknown", "unknown", "kraken", "kraken"]
    alone = make_dataset(["binance"], [1])
    assert predict_recorder(alone) == ["unknown"]


def test_recordings_are_listed() -> None:
    dataset = make_dataset(["binance", "unknown"], [3, 1])
    prediction = make_prediction(
        dataset,
        ["binance", "kraken", "binance", "kraken"],
        ["unknown", "binance", "binance", "kraken"],
        [UNDECIDED, CERTAIN, CERTAIN, LIKELY],
        verdict_probabilities=np.array([0.9, 0.6]),
    )
    first, second = list_recordings(dataset, prediction, prediction)
    assert (first["verdict"], first["certainty"], first["probability"]) == ("binance", "certain", 0.9)
    assert (first["windows"], first["windows_right"], first["certain_after_messages"]) == (3, 2, 75)
    assert first["windows_called"] == {"binance": 2, "kraken": 1}
    assert (second["certainty"], second["certain_after_messages"], second["left_out_with"]) == ("likely", None, UNKNOWN)


@dataclass(frozen=True)
class Refusing:
    """Calls windows unknown where they score above 1 less the rate."""

    scores: NDArray[np.float64]
    prediction: Prediction

    def predict(self, dataset: Dataset, false_unknown_rate: float) -> Prediction:
        return self.prediction

    def refuse(self, dataset: Dataset, rates: Sequence[float]) -> NDArray[np.bool_]:
        return np.array([self.scores > 1 - rate for rate in rates])


def test_requested_and_observed_by_hand() -> None:
    # At 10%: of one session 1 of 4 windows, of the other none of 1. All windows: 1/5; each session alike: 1/8.
    dataset = make_dataset(["binance", "kraken", "unknown"], [4, 1, 2])
    prediction = make_prediction(dataset, ["unknown"] * 7, ["unknown"] * 7, [CERTAIN] * 7)
    scores = np.array([0.91, 0.5, 0.5, 0.5, 0.5, 0.999, 0.93])
    rows = requested_and_observed(dataset, Refusing(scores, prediction))
    last, first = rows[-1], rows[0]
    assert (last["requested"], last["observed"]["ratio"], last["observed_by_session"]) == (0.1, 0.2, 0.125)
    assert last["unknown_venues_refused"]["ratio"] == 1
    assert {name: share["ratio"] for name, share in last["by_class"].items()} == {"binance": 0.25, "kraken": 0.0}
    assert first["observed"]["hits"] == 0


def test_alerts_are_as_precise_as_bayes_says() -> None:
    # Of 4 unknown venues 3 end certainly unknown, of 10 known ones 1 does and 2 are certainly another exchange.
    dataset = make_dataset(["binance"] * 10 + ["unknown"] * 4, [1] * 14)
    current_verdicts = ["binance"] * 6 + ["binance", "unknown", "kraken", "kraken"] + ["unknown"] * 3 + ["kraken"]
    certainty = [CERTAIN] * 6 + [LIKELY] + [CERTAIN] * 7
    found = alert_precision(dataset, make_prediction(dataset, current_verdicts, current_verdicts, certainty))
    unknown_venue, mismatch = found["unknown_venue"], found["mismatch"]
    assert (unknown_venue["detected"]["ratio"], unknown_venue["false_alarms"]["ratio"]) == (0.75, 0.1)
    assert unknown_venue["precision"]["1:10"]["measured"] == pytest.approx(0.75 / 1.75, abs=1e-5)
    assert (mismatch["detected"]["ratio"], mismatch["false_alarms"]["ratio"]) == (0.6, 0.2)
    assert mismatch["precision"]["1:100"]["measured"] == pytest.approx(0.6 / 20.6, abs=1e-5)
    assert unknown_venue["precision"]["1:1000"]["at_worst"] < unknown_venue["precision"]["1:1000"]["measured"]


def test_sessions_weigh_the_same_in_the_ranking() -> None:
    # One known session with 99 windows at 0.9, one with one at 0.1; the unknown venue at 0.5 is above half the weight.
    dataset = make_dataset(["binance", "kraken", "unknown"], [99, 1, 1])
    prediction = make_prediction(
        dataset,
        ["unknown"] * 101,
        ["unknown"] * 101,
        [CERTAIN] * 101,
        unknown_scores=np.array([0.9] * 99 + [0.1, 0.5]),
        connection_scores=np.array([0.2, 0.1, 0.9]),
    )
    found = known_versus_unknown(dataset, prediction)
    assert (found["windows"]["auroc"], found["connections"]["auroc"]) == (0.5, 1.0)
    assert found["windows"]["base_rate"] == pytest.approx(1 / 3, abs=1e-5)
    assert found["windows"]["recall"][-1] == 1


def test_confidence_balances_classes() -> None:
    # Three windows of one class right at 0.8, one of the other wrong at 0.8: weighed by class, half are right.
    dataset = make_dataset(["binance", "kraken"], [3, 1])
    prediction = make_prediction(
        dataset,
        ["binance"] * 4,
        ["binance"] * 4,
        [CERTAIN, CERTAIN, CERTAIN, UNDECIDED],
        probabilities=np.tile([0.8, 0.1, 0.1, 0.0], (4, 1)),
        verdict_probabilities=np.array([0.9, 0.5]),
    )
    found = confidence_figures(dataset, prediction)
    assert found["windows"]["ece"] == pytest.approx(0.3, abs=1e-5)
    # The undecided connection does not count: one of one is right at 0.9.
    assert found["connections"]["ece"] == pytest.approx(0.1, abs=1e-5)


def test_accuracy_over_messages_by_hand() -> None:
    # messages 50: undecided, kraken (wrong). 75: right, and the one that ended stays wrong.
    dataset = make_dataset(["binance", "coinbase"], [2, 1])
    prediction = make_prediction(
        dataset, ["binance"] * 3, ["unknown", "binance", "kraken"], [UNDECIDED, CERTAIN, CERTAIN]
    )
    found = accuracy_over_messages(dataset, prediction)
    known = found["known"]
    shares = [(p["messages"], p["right"]["hits"], p["undecided"]["hits"], p["wrong"]["hits"]) for p in known["points"]]
    assert shares == [(50, 0, 1, 1), (75, 1, 0, 1)]
    assert (known["certain_after_messages"]["median"], known["certain_after_messages"]["ever_certain"]["hits"]) == (
        62.5,
        2,
    )
    assert found["unknown_venues"]["certain_after_messages"]["median"] is None


def test_alerts_are_certain_changes_against_the_declaration() -> None:
    dataset = make_dataset(["binance", "kraken"], [5, 2])
    prediction = make_prediction(
        dataset,
        ["binance"] * 7,
        ["kraken", "binance", "kraken", "kraken", "unknown", "kraken", "unknown"],
        [LIKELY, CERTAIN, CERTAIN, CERTAIN, CERTAIN, CERTAIN, CERTAIN],
        since=np.array([-1, 0, 1, -1, 3, 0, 1]),
    )
    alerts = find_alerts(dataset, prediction, {0: "binance", 1: "kraken"})
    assert [(a.session, a.window, a.name, a.since_window) for a in alerts] == [
        (0, 2, "kraken", 1),
        (0, 4, "unknown", 3),
        (1, 1, "unknown", 1),
    ]
    assert find_alerts(dataset, prediction, {}) == []


def test_false_alerts_by_hand() -> None:
    # Three alerts in 150 + 75 messages; an unknown venue's does not count.
    dataset = make_dataset(["binance", "kraken", "unknown"], [5, 2, 1])
    prediction = make_prediction(
        dataset,
        ["binance"] * 8,
        ["binance", "binance", "kraken", "kraken", "unknown", "kraken", "unknown", "kraken"],
        [CERTAIN] * 8,
    )
    found = false_alerts(dataset, prediction, np.array([43_200.0, 43_200.0, 1.0]))
    assert (found["alerts"], found["messages"], found["connection_days"]) == (3, 225, 1.0)
    assert found["connections"]["hits"] == 2
    assert found["alerts_a_connection_day"]["100000"]["found"] == pytest.approx(3 * 100_000 / 225, abs=1e-3)
    assert [row["after_messages"] for row in found["alerted"]] == [100, 150, 75]


def test_detection_by_hand() -> None:
    # The first stream switches at message 60 and is kraken from window 2 (100 messages) on, said to begin with window 1
    # (message 25): delay 40 messages, that is 2 windows, error -35. The second is alerted too early, then never again.
    dataset = make_dataset(["binance", "binance"], [4, 2])
    prediction = make_prediction(
        dataset,
        ["binance"] * 6,
        ["binance", "binance", "kraken", "kraken", "kraken", "kraken"],
        [CERTAIN] * 6,
        since=np.array([0, -1, 1, -1, 0, -1]),
    )
    switched = Switched(dataset=dataset, at=np.array([60, 70]), becomes=["kraken", "kraken"])
    found = detection_figures(switched, Refusing(np.zeros(6), prediction), 0.01)
    assert (found["detected"]["hits"], found["named_right"]["hits"], found["alerted_before"]["hits"]) == (1, 1, 1)
    assert (found["delay_messages"]["median"], found["delay_windows"]["median"]) == (40, 2)
    assert (found["since_error_messages"]["median"], found["since_error_messages"]["mean"]) == (35, -35)


def test_stability_is_of_each_connection() -> None:
    strings = np.array(["a", "a", "b", "c", "c"], dtype=object)
    assert stability(strings, np.array([0, 0, 0, 1, 1])) == pytest.approx((2 / 3 + 1) / 2, abs=1e-4)
