"""The load that is drawn, and what is made of samples; each expected number is derived by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ingest.kafka.record_validity import check_record
from jobs.trials.soak.probes import FlinkProbe, LatencyProbe, Sampler
from jobs.trials.soak.soak_load import STEP_S, STEPS, LoadSettings, draw_cohort
from jobs.trials.soak.soak_report import read_samples, slope_per_hour, summarize, write_report
from stack.ports import free_port
from stack.stack_status import StackStatus
from udfs.errors import ConfigError

START_NS = 1_790_000_000_000_000_000
LOAD = LoadSettings(rate=400, bad_share=0.02, seed=3)


def test_a_cohort_brings_its_share_of_the_rate() -> None:
    cohort = draw_cohort(LOAD, 0, START_NS)
    good = [due for step in cohort.steps for due in step if not due[3]]
    assert 0.9 * 400 * STEP_S <= len(good) <= 400 * STEP_S
    assert len(cohort.steps) == STEPS
    assert len({key for _, key, _, _ in good}) == cohort.connections
    for number, step in enumerate(cohort.steps):
        for due_ns, *_ in step:
            assert 0 <= due_ns - START_NS - number * STEP_S * 10**9
            assert number == STEPS - 1 or due_ns - START_NS < (number + 1) * STEP_S * 10**9


def test_records_are_what_the_cohort_says_they_are() -> None:
    cohort = draw_cohort(LOAD, 1, START_NS)
    records = [due for step in cohort.steps for due in step]
    assert all((check_record(key, value) is not None) == is_bad for _, key, value, is_bad in records)
    n_bad = sum(is_bad for *_, is_bad in records)
    assert 0.01 < n_bad / (len(records) - n_bad) < 0.03


def test_cohorts_differ_but_are_drawn_again() -> None:
    first, again, other = (draw_cohort(LOAD, number, START_NS) for number in (2, 2, 3))
    assert first.steps == again.steps
    keys = [{key for step in cohort.steps for _, key, _, is_bad in step if not is_bad} for cohort in (first, other)]
    assert not keys[0] & keys[1]


def test_a_connection_keeps_its_order() -> None:
    cohort = draw_cohort(LOAD, 0, START_NS)
    merged = sorted(due for step in cohort.steps for due in step if not due[3])
    times: dict[bytes, list[int]] = {}
    for due_ns, key, _, _ in merged:
        times.setdefault(key, []).append(due_ns)
    assert all(a <= b for ns in times.values() for a, b in pairwise(ns))


def test_what_is_away_is_missing_and_a_mistake_is_an_error(tmp_path: Path) -> None:
    port = free_port()
    flink = FlinkProbe(flink_url=f"http://127.0.0.1:{port}", job_id="j")
    database = LatencyProbe(database_url=f"postgresql://a:b@127.0.0.1:{port}/d")
    stack = StackStatus(home=tmp_path)
    sample = Sampler(stack=stack, flink=flink, database=database).sample()
    assert sample["missing"] == ["heap_mb", "checkpoint", "lag", "restarts", "windows"]
    with pytest.raises(ConfigError, match="Flink's address as http://HOST:PORT"):
        Sampler(stack=stack, flink=replace(flink, flink_url="localhost:1"), database=database).sample()
    with pytest.raises(ConfigError, match="DATABASE_URL to be"):
        Sampler(stack=stack, flink=flink, database=replace(database, database_url="localhost")).sample()


def test_slope_of_the_second_half() -> None:
    """Falling first, then 3 MB an hour; what garbage adds above the line does not count."""
    hours = [n / 100 for n in range(201)]
    values = [100 - 50 * at if at < 1 else 40 + 3 * at + (20 if n % 4 else 0) for n, at in enumerate(hours)]
    assert slope_per_hour((hours, values)) == pytest.approx(3)


@pytest.mark.parametrize("series", [([], []), ([1.0], [2.0]), ([1.0, 1.0], [2.0, 3.0])])
def test_too_few_values_have_no_slope(series: tuple[list[float], list[float]]) -> None:
    assert slope_per_hour(series) is None


def sample(number: int, **further: Any) -> dict[str, Any]:
    kafka = {"rss": 120.0, "pss": 100.0 + number}
    sent = {"records": 1000 * number, "connections": number, "bad": 0, "late_s": 0.0}
    latency = {"p50": 40.0 + number, "p95": 80.0, "p99": 90.0, "max": 95.0}
    return {
        "at_s": 360.0 * number,
        "memory_mb": {"kafka": kafka},
        "heap_mb": {"taskmanager": 50.0},
        "checkpoint": {"id": number, "state_mb": 2.0, "duration_ms": 100 * number},
        "lag": 10 * number,
        "restarts": 0,
        "windows": 72,
        "latency_ms": latency,
        "missing": [],
        "sent": sent,
    } | further


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_lines(*lines: object, tail: str = "") -> Path:
        path = tmp_path / "samples.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines) + tail)
        return path

    return write_lines


HEADER = {"load": {"rate": 400, "bad_share": 0, "seed": 1}, "job_options": []}


def test_figures_of_a_soak(write: Callable[..., Path], tmp_path: Path) -> None:
    silent = sample(
        3, live_heap_mb={"kafka": 30.0}, lag=None, latency_ms=None, windows=0, checkpoint=None, memory_mb={}
    )
    path = write(
        HEADER, sample(1), sample(2), silent, *map(sample, range(4, 11)), {"acknowledged": 10, "dead letters": 1}
    )
    soak = read_samples(path)
    summary = write_report(tmp_path, soak)
    assert summary["hours"] == 1
    assert summary["windows_per_s"] == pytest.approx(9 * 72 / 3600)
    assert (summary["max_lag"], summary["max_checkpoint_ms"], summary["restarts"]) == (100, 1000, 0)
    assert summary["mb"]["kafka"] == {"first": 101, "last": 110, "per_hour": pytest.approx(10)}
    assert summary["mb"]["taskmanager heap"]["per_hour"] == pytest.approx(0)
    assert summary["mb"]["kafka heap after collection"] == {"first": 30, "last": 30, "per_hour": None}
    # Nine values; the first is left out.
    assert summary["latency_ms"]["p50"] == {"median": pytest.approx(46.5), "max": 50}
    assert summary["end"]["dead letters"] == 1
    assert json.loads((tmp_path / "summary.json").read_text()) == summary
    assert (tmp_path / "soak.png").stat().st_size > 10_000


def test_a_soak_that_was_cut_off_keeps_its_samples(write: Callable[..., Path]) -> None:
    soak = read_samples(write(HEADER, sample(1), sample(2), tail='{"at_s": 10'))
    assert (len(soak.samples), soak.end) == (2, {})
    assert summarize(soak)["records_sent"] == 2000


def test_what_was_not_seen_in_a_short_soak_is_left_out(write: Callable[..., Path], tmp_path: Path) -> None:
    early = sample(1, heap_mb=None, lag=None, latency_ms=None, windows=None, checkpoint=None)
    summary = write_report(tmp_path, read_samples(write(HEADER, early)))
    assert list(summary["mb"]) == ["kafka"]
    assert (summary["max_lag"], summary["max_checkpoint_ms"], summary["latency_ms"]["p50"]) == (None, None, None)


def test_without_samples_there_is_nothing_to_sum_up(write: Callable[..., Path]) -> None:
    for lines in ((), (HEADER,), (sample(1),)):
        with pytest.raises(ConfigError, match="Expected samples of a soak in"):
            read_samples(write(*lines))
