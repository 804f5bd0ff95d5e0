"""Explanations: what is written adds up, and every feature has words for whatever it and the other class show."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from udfs.explanations import N_REASONS, contrasted_classes, explanation_json
from udfs.features import FEATURES
from udfs.phrases import describe
from udfs.schema import Float64Array

NAMES = [feature.name for feature in FEATURES]
POSITION = {name: i for i, name in enumerate(NAMES)}
TYPICAL = {name: [0.0, 0.2, 0.4] for name in NAMES}


def explain(contributions: dict[str, float], bias: float = 0.0, value: float = 0.5) -> dict[str, Any]:
    row = np.zeros(len(NAMES))
    for name, contribution in contributions.items():
        row[POSITION[name]] = contribution
    text = explanation_json(np.full(len(NAMES), value), row, bias, against="kraken", typical=TYPICAL)
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
                "text": "50% of the messages are heartbeats; kraken: 0% to 40%",
            },
            {
                "feature": "inter_arrival_cv",
                "value": 0.5,
                "contribution_nats": -0.25,
                "text": "gaps between messages vary by 0.50 of their mean; kraken: 0 to 0.40",
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
    written = json.loads(explanation_json(values, contributions, bias, against="kraken", typical=TYPICAL))
    parts = [written["bias_nats"], written["other_nats"], *(r["contribution_nats"] for r in written["reasons"])]
    assert sum(round(part * 10_000) for part in parts) == round(written["margin_nats"] * 10_000)
    assert written["margin_nats"] == pytest.approx(contributions.sum() + bias, abs=1e-4)
    sizes = [abs(reason["contribution_nats"]) for reason in written["reasons"]]
    assert len(sizes) <= N_REASONS
    assert 0 not in sizes
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("name", NAMES)
def test_every_feature_has_words(name: str) -> None:
    for value in (0.0, 0.004, 0.7, 1.0):
        for typical in ([0.0, 0.0, 0.0], [0.0, 0.5, 1.0], [0.25, 0.25, 0.25], None):
            text = describe(name, value, "kraken", typical)
            assert "; kraken: " in text
            assert not text.startswith((" ", ";"))
            assert "{" not in text
            assert "nan" not in text


@pytest.mark.parametrize(
    ("name", "value", "typical", "expected"),
    [
        ("type_heartbeat_share", 0.0, [0.01, 0.02, 0.05], "none of the messages are heartbeats; kraken: 1% to 5%"),
        ("bigram_timed_timed_share", 0.8, [0.0] * 3, "80% of the neighbours are two events with a time but no number; "
            "kraken: never"),
        ("arrival_tick_alignment_16_67ms", 0.2, [0.9, 0.91, 0.95], "arrivals do not keep to a 16.67 ms clock "
            "(alignment 0.20); kraken: 0.90 to 0.95"),
        ("arrival_tick_alignment_500ms", np.nan, [0.1, 0.8, 0.9], "messages come too fast to tell a 500 ms clock; "
            "kraken: arrivals keep to a 500 ms clock (alignment 0.10 to 0.90)"),
        ("seq_jump_share", 0.3, None, "30% of the sequence steps leave numbers out; kraken: no numbers"),
        ("seq_jump_share", np.nan, None, "messages carry no sequence numbers to compare; kraken: the same"),
        ("seq_jump_share", np.nan, [0.0] * 3, "messages carry no sequence numbers to compare; kraken: none of "
            "the sequence steps leave numbers out"),
        ("ack_latency_log10_mean_us", 4.5, [3.0, 4.0, 5.0], "confirmations take 31.6 ms; kraken: 1 ms to 100 ms"),
        ("seq_continued_share", 0.0, [0.9, 1.0, 1.0], "none of the sequence numbers continue another one of the "
            "window; kraken: 90% to 100%"),
        ("seq_counters", 3.0, [1.0, 1.0, 5.0], "separate sequence counters in the window: 3; kraken: 1 to 5"),
        ("seq_is_clock", 1.0, [0.0] * 3, "the sequence number is the time; kraken: a count"),
        ("venue_time_whole_us_share", np.nan, [1.0] * 3, "messages carry no time of the venue; kraken: 100% of the "
            "venue's times are whole microseconds"),
        ("venue_time_whole_s_share", 0.02, None, "2% of the venue's times are whole seconds; kraken: no times"),
        ("payload_log10_p50_bytes", 2.6064, [2.0, 2.3, 3.0], "messages typically have 404 bytes; "
            "kraken: 100 bytes to 1000 bytes"),
        ("payload_distinct_share", 0.14, [0.2, 0.3, 0.4], "there are as many sizes as 14% of the messages; "
            "kraken: 20% to 40%"),
        ("inter_arrival_p10_p50_ratio", 0.012, [0.5] * 3, "short gaps are 0.012 of the typical gap; kraken: 0.50"),
    ],
)  # fmt: skip
def test_words(name: str, value: float, typical: list[float] | None, expected: str) -> None:
    assert describe(name, value, "kraken", typical) == expected


def test_the_class_of_unknown_venues_is_named_in_words() -> None:
    assert describe("type_new_share", 1.0, "unknown", None).endswith("; unknown venues: none")


def test_a_verdict_is_told_from_the_declared_class_or_else_the_runner_up() -> None:
    probabilities = np.array([[0.1, 0.2, 0.7]] * 5)
    verdicts = ["c", "c", "c", "c", "a"]
    declared = ["a", None, "c", "nobody", None]
    assert contrasted_classes("abc", probabilities, verdicts, declared) == ["a", "b", "b", "b", "c"]
    assert contrasted_classes("abc", np.empty((0, 3)), [], []) == []
