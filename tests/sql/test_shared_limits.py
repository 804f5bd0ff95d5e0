"""Numbers that views state and Python or Java too: they are the same."""

from __future__ import annotations

import re

import pytest

from fingerprint_testing.paths import ROOT, SQL
from jobs.reference.drift import SCORE_LIMIT
from udfs.schema import WINDOW_SIZE, WINDOW_SLIDE
from udfs.windows import IDLE_GAP_NS

HOUR_NS = 3600 * 10**9


def only_number(pattern: str, text: str) -> float:
    (number,) = re.findall(pattern, text)
    return float(number.replace("_", ""))


def view(name: str) -> str:
    return (SQL / "views" / f"{name}.sql").read_text()


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("drifting_connections", r"(\d+)::double precision +AS score_limit", SCORE_LIMIT),
        ("alerts", r"(\d+) +AS messages_of_windows", WINDOW_SIZE),
        ("alerts", r"interval '(\d+) hour' +AS ended_after", IDLE_GAP_NS / HOUR_NS),
        ("scored_windows", r"(\d+) / nullif", WINDOW_SIZE - 1),
        ("window_measures", r"(\d+) / nullif", WINDOW_SIZE - 1),
        ("connection_status", r"(\d+) \* count", WINDOW_SLIDE),
        ("connection_status", r"count\(\*\) \+ (\d+)", WINDOW_SIZE - WINDOW_SLIDE - 1),
    ],
)
def test_a_number_in_a_view_is_that_in_python(name: str, pattern: str, expected: float) -> None:
    assert only_number(pattern, view(name)) == expected


def test_the_rate_of_a_connection_looks_as_far_back_as_its_last_windows_can_reach() -> None:
    status = view("connection_status")
    n_windows, days = (
        only_number(r"LIMIT (\d+)\s+\) AS last_windows", status),
        only_number(r"interval '(\d+) days'", status),
    )
    longest_ns = (WINDOW_SLIDE * n_windows + WINDOW_SIZE - WINDOW_SLIDE - 1) * IDLE_GAP_NS
    assert days * 24 * HOUR_NS >= longest_ns > (days - 1) * 24 * HOUR_NS


def test_a_silence_counts_from_the_end_of_the_time_that_one_sign_of_life_stands_for() -> None:
    (source,) = ROOT.glob("*/java/**/Health.java")
    bucket_ns = only_number(r"BUCKET_NS = ([\d_]+)L", source.read_text())
    for name in ("silent_connections", "alerts"):
        assert only_number(r"limit_s \+ (\d+)\)", view(name)) == bucket_ns / 10**9
