"""Explanations: what is written adds up, and every feature has words for whatever it and the other class show."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from udfs.explanations import N_REASONS, contrasted_classes, explanation_json, median_window
from udfs.features import FEATURES
from udfs.phrases import describe
from udfs.schema import Float64Array

NAMES = [feature.name for feature in FEATURES]
POSITION = {name: i for i, name in enumerate(NAMES)}
TYPICAL = {
    "binance": {name: [0.5, 0.6, 0.7] for name in NAMES},
    "kraken": {name: [0.0, 0.2, 0.4] for name in NAMES},
}


def explain(contributions: dict[str, float], bias: float = 0.0, value: float = 0.5) -> dict[str, Any]:
    row = np.zeros(len(NAMES))
    for name, contribution in contributions.items():
        row[POSITION[name]] = contribution
    values = np.full(len(NAMES), value)
    text = explanation_json(values, row, bias, verdict="binance", against="kraken", typical=TYPICAL)
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def test_one_explanation_by_hand() -> None:
    assert explain({"type_heartbeat_share": 2.5, "inter_arrival_cv": -0.25}, bias=0.125) == {
        "against": "kraken",
        "margin_nats": 2.375,
        "bias_nats": 0.125,
        "other_nats": 0.0,
        "reasons": [
            {
                "feature": "type_heartbeat_share",
                "value": 0.5,
                "contribution_nats": 2.5,
                "text": "50% of the messages are heartbeats, as with binance (50% to 70%); kraken: 0% to 40%",
            },
            {
                "feature": "inter_arrival_cv",
                "value": 0.5,
                "contribution_nats": -0.25,
                "text": "the standard deviation of the gaps is 0.50 times their mean, as with binance (0.50 to 0.70); "
                "kraken: 0 to 0.40",
            },
        ],
    }


def test_what_belongs_together_is_one_reason_under_its_leader() -> None:
    clocks = {"arrival_tick_alignment_5ms": -1.0, "arrival_tick_alignment_50ms": 3.0, "arrival_tick_alignment_8ms": 0.5}
    answers = {"ack_latency_cv": -0.5, "request_ack_share": -1.0, "nack_latency_cv": 0.25}
    reasons = explain(clocks | answers)["reasons"]
    assert [(reason["feature"], reason["contribution_nats"]) for reason in reasons[:2]] == [
        ("arrival_tick_alignment_50ms", 2.5),
        ("request_ack_share", -1.25),
    ]


@given(
    contributions=arrays(np.float64, len(NAMES), elements=st.floats(-20, 20)),
    bias=st.floats(-5, 5),
    values=arrays(np.float64, len(NAMES), elements=st.sampled_from([0.0, 1e-9, 0.3, 1.0, 6.5, np.nan])),
)
def test_what_is_written_adds_up(contributions: Float64Array, bias: float, values: Float64Array) -> None:
    written = json.loads(
        explanation_json(values, contributions, bias, verdict="binance", against="kraken", typical=TYPICAL)
    )
    parts = [written["bias_nats"], written["other_nats"], *(r["contribution_nats"] for r in written["reasons"])]
    assert sum(round(part * 10_000) for part in parts) == round(written["margin_nats"] * 10_000)
    assert written["margin_nats"] == pytest.approx(contributions.sum() + bias, abs=1e-4)
    sizes = [abs(reason["contribution_nats"]) for reason in written["reasons"]]
    assert len(sizes) <= N_REASONS
    assert 0 not in sizes
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("name", NAMES)
def test_every_feature_has_words(name: str) -> None:
    is_always_defined = not FEATURES[POSITION[name]].phrase.absent
    for value in (0.0, 0.004, 0.7, 1.0, *([] if is_always_defined else [np.nan])):
        for typical in ([0.0, 0.0, 0.0], [0.0, 0.5, 1.0], [0.25, 0.25, 0.25], None):
            text = describe(name, value, [("kraken", typical)])
            assert "; kraken: " in text or ", as with kraken" in text
            assert not text.startswith((" ", ";", ","))
            assert "{" not in text
            assert " nan" not in text


NEVER = ("a", [0.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("name", "value", "typical", "expected"),
    [
        # Within the range of one class, of both, of none.
        ("seq_jump_share", 0.63, [("a", [0.5, 0.8, 0.89]), ("b", [0.0, 0.0, 0.1])],
            "sequence numbers skip in 63% of the steps, as with a (50% to 89%); b: 0% to 10%"),
        ("seq_jump_share", 0.63, [("a", [0.0, 0.0, 0.1]), ("b", [0.5, 0.8, 0.89])],
            "sequence numbers skip in 63% of the steps, as with b (50% to 89%); a: 0% to 10%"),
        ("seq_jump_share", 0.63, [("a", [0.5, 0.8, 0.89]), ("b", [0.0, 0.0, 1.0])],
            "sequence numbers skip in 63% of the steps; a: 50% to 89%, median 80%; b: 0% to 100%, median 0%"),
        ("seq_jump_share", 0.63, [NEVER, ("b", None)],
            "sequence numbers skip in 63% of the steps; a: never; b: no sequence numbers"),
        # Nothing at all, and not defined.
        ("seq_jump_share", 0.0, [NEVER, ("b", [0.5, 0.8, 0.89])],
            "sequence numbers never skip, as with a (never); b: 50% to 89%"),
        ("seq_jump_share", np.nan, [("a", None), ("b", [0.5, 0.8, 0.89])],
            "fewer than two messages carry a sequence number, as with a; b: sequence numbers skip in 50% to 89% of the "
            "steps"),
        ("seq_jump_share", np.nan, [NEVER, ("b", [0.0, 0.0, 0.2])],
            "fewer than two messages carry a sequence number; a: sequence numbers never skip; b: sequence numbers skip "
            "in 0% to 20% of the steps"),
        # Every kind of number.
        ("type_heartbeat_share", 0.0, [("a", [0.01, 0.02, 0.05])], "no message is a heartbeat; a: 1% to 5%"),
        ("bigram_timed_timed_share", 0.8, [NEVER], "in 80% of the pairs of consecutive messages, an event with a "
            "timestamp but no sequence number is followed by another; a: never"),
        ("bigram_plain_answer_share", 0.0, [NEVER], "an event without timestamp and sequence number is never followed "
            "by an answer to a request, as with a (never)"),
        ("arrival_tick_alignment_16_67ms", 0.2, [("a", [0.9, 0.91, 0.95])], "messages do not arrive on a 16.67 ms grid "
            "(alignment 0.20 of 1); a: 0.90 to 0.95"),
        ("arrival_tick_alignment_500ms", np.nan, [("a", [0.1, 0.8, 0.9])], "messages come too fast to tell a 500 ms "
            "grid; a: messages arrive on a 500 ms grid (alignment 0.10 to 0.90 of 1)"),
        ("inter_arrival_log10_median_us", 4.5, [("a", [3.0, 4.0, 5.0])], "the median gap between messages is 31.6 ms, "
            "as with a (1 to 100 ms)"),
        ("inter_arrival_p10_p50_ratio", 0.012, [("a", [0.5] * 3)], "the 10th percentile of the gaps is 0.012 times "
            "their median; a: 0.50"),
        ("ack_latency_log10_mean_us", 4.5, [("a", [5.0, 6.0, 7.0])], "requests are acknowledged after 31.6 ms on "
            "average; a: 100 to 10000 ms"),
        ("request_nack_share", 0.0, [("a", [0.5, 0.6, 0.7])], "no request is rejected within the window; a: 50% to "
            "70%"),
        ("seq_continued_share", 0.0, [("a", [0.9, 1.0, 1.0])], "sequence numbers in ascending order never go up by "
            "exactly one; a: 90% to 100%"),
        ("seq_counters", 3.0, [("a", [1.0, 1.0, 5.0])], "the number of separate sequence counters is 3, as with a (1 "
            "to 5)"),
        ("seq_is_clock", 1.0, [NEVER], "the sequence number is a clock reading; a: a counter"),
        ("venue_time_whole_s_share", 0.02, [("a", None)], "2% of the venue's timestamps are whole seconds; a: no "
            "timestamps"),
        ("payload_log10_p50_bytes", 2.6064, [("a", [2.0, 2.3, 3.0])], "the median of the message sizes is 404 bytes, "
            "as with a (100 to 1000 bytes)"),
        ("payload_distinct_share", 0.14, [("a", [0.2, 0.3, 0.4])], "the number of different message sizes is 14% of "
            "the number of messages; a: 20% to 40%"),
    ],
)  # fmt: skip
def test_words(name: str, value: float, typical: list[tuple[str, list[float] | None]], expected: str) -> None:
    assert describe(name, value, typical) == expected


def test_the_class_of_unknown_venues_is_named_in_words() -> None:
    assert describe("type_new_share", 1.0, [("unknown", None)]).endswith("; unknown venues: none")


def test_several_windows_show_their_medians() -> None:
    rows = np.array([[1.0, np.nan, np.nan], [2.0, np.nan, 8.0], [6.0, 3.0, 9.0], [7.0, np.nan, np.nan]])
    # Of the second feature one window of four knows, of the third two.
    assert np.array_equal(median_window(rows), [4.0, np.nan, 8.5], equal_nan=True)


def test_a_verdict_is_told_from_the_declared_class_or_else_the_runner_up() -> None:
    probabilities = np.array([[0.1, 0.2, 0.7]] * 5)
    verdicts = ["c", "c", "c", "c", "a"]
    declared = ["a", None, "c", "nobody", None]
    assert contrasted_classes("abc", probabilities, verdicts, declared) == ["a", "b", "b", "b", "c"]
    assert contrasted_classes("abc", np.empty((0, 3)), [], []) == []
