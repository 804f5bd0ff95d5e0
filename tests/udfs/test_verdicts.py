"""Decisions against a naive loop over suffixes, and verdicts against the definition read row by row."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.current_verdict import ConnectionVerdict, connection_verdict
from udfs.verdicts import (
    HISTORY,
    LIKELY_MILLINATS,
    OVERTURN_MILLINATS,
    REFUSE_MILLINATS,
    DecisionRule,
    decide,
    evidence_millinats,
    running_decisions,
)

CLASSES = ("binance", "coinbase", "kraken", "unknown")


def make_rule(*bounds: int) -> DecisionRule:
    bounds = bounds or (10_000, 9_000, 11_000, 8_000)
    return DecisionRule(bounds_millinats=bounds, unknown=len(bounds) - 1, intercept=-1.5, slope_per_nat=0.4)


def naive_decisive(leads: list[list[int]], bounds: list[int]) -> int:
    """Try suffixes from the shortest: the first that has a class at its bound decides."""
    for of_suffix in leads:
        at_bound = [c for c, bound in enumerate(bounds) if of_suffix[c] >= bound]
        if at_bound:
            (decisive,) = at_bound
            return decisive
    return -1


def naive_decision(evidence: list[list[int]], rule: DecisionRule) -> tuple[int, bool, int, int, int, float]:
    """Decide on one connection's windows, newest last, by trying every suffix."""
    n_classes = len(rule.bounds_millinats)
    leads, sums = [], []
    for k in range(1, len(evidence) + 1):
        sums = [sum(window[c] for window in evidence[-k:]) for c in range(n_classes)]
        leads.append([sums[c] - max(sums[d] for d in range(n_classes) if d != c) for c in range(n_classes)])
    leaning, strength, suffix = -1, 0, 0
    overturning = naive_decisive(leads, [bound + OVERTURN_MILLINATS for bound in rule.bounds_millinats])
    decisive = overturning if overturning >= 0 else naive_decisive(leads, list(rule.bounds_millinats))
    if decisive >= 0:
        strength = max(of_suffix[decisive] for of_suffix in leads)
        suffix = max(k for k, of_suffix in enumerate(leads, 1) if of_suffix[decisive] == strength)
    elif leads and leads[-1][rule.unknown] >= REFUSE_MILLINATS:
        leaning, strength, suffix = rule.unknown, leads[-1][rule.unknown], len(leads)
    elif leads and n_classes > 2:
        known = sorted((total, -c) for c, total in enumerate(sums) if c != rule.unknown)
        if known[-1][0] - known[-2][0] >= LIKELY_MILLINATS:
            leaning, strength, suffix = -known[-1][1], known[-1][0] - known[-2][0], len(leads)
    probability = 1 / (1 + math.exp(-(rule.intercept + rule.slope_per_nat * strength / 1000)))
    return decisive, overturning >= 0, leaning, strength, suffix, probability


def naive_verdict(evidence: list[list[int]], rule: DecisionRule) -> tuple[str, str, float, int | None, list[int]]:
    """Walk over one connection's windows with what stands in a variable."""
    stands, since, probability, changes = None, None, 0.0, []
    for window in range(len(evidence)):
        last = evidence[max(0, window + 1 - HISTORY) : window + 1]
        decisive, overturns, leaning, _, suffix, now = naive_decision(last, rule)
        if overturns or (decisive >= 0 and stands is None):
            if stands != decisive:
                stands, since = decisive, window + 1 - suffix
                changes.append(window)
            probability = now
    if stands is not None:
        return CLASSES[stands], "certain", probability, since, changes
    if evidence and leaning >= 0:
        return CLASSES[leaning], "likely", now, len(evidence) - suffix, []
    return "unknown", "undecided", now if evidence else 0.0, None, []


def draw_evidence(rng: np.random.Generator, n_windows: int, n_classes: int = 4) -> np.ndarray:
    """Draw windows that mostly speak for one class, which now and then becomes another one."""
    favourite = np.repeat(rng.integers(n_classes, size=n_windows), rng.integers(1, 25, size=n_windows))[:n_windows]
    weights = rng.gamma(0.4, size=(n_windows, n_classes)) + 1e-9
    weights[np.arange(n_windows), favourite] += rng.exponential(0.8, size=n_windows)
    return evidence_millinats(np.round(weights / weights.sum(axis=1, keepdims=True), 6))


def test_evidence_is_the_logarithm_to_a_floor() -> None:
    probabilities = [[0.9, 0.06, 0.04, 0.0], [0.000999, 0.001, 0.001001, 0.997]]
    expected = [[round(1000 * math.log(max(p, 0.001))) for p in window] for window in probabilities]
    assert evidence_millinats(np.array(probabilities)).tolist() == expected


@pytest.mark.parametrize("n_classes", [3, 4, 12])
def test_decisions_equal_a_naive_loop_over_suffixes(n_classes: int) -> None:
    rng = np.random.default_rng(n_classes)
    rule = make_rule(*rng.integers(4000, 14_000, size=n_classes).tolist())
    seen = set()
    for n_windows in [0, *range(1, 25)]:
        for _ in range(20):
            evidence = draw_evidence(rng, 30, n_classes)[-HISTORY:]
            decided = decide(evidence[None], np.array([n_windows]), rule)
            real = evidence[len(evidence) - min(n_windows, HISTORY) :].tolist()
            decisive, overturns, leaning, strength, suffix, probability = naive_decision(real, rule)
            assert decided.decisive.tolist() == [decisive]
            assert decided.overturns.tolist() == [overturns]
            assert decided.leaning.tolist() == [leaning]
            assert decided.strength_millinats.tolist() == [strength]
            assert decided.suffix_windows.tolist() == [suffix]
            assert decided.probability == pytest.approx([probability], abs=5.1e-7)
            seen.add((decisive >= 0, leaning >= 0))
    assert seen == {(True, False), (False, True), (False, False)}


def test_verdicts_equal_the_definition_read_window_by_window() -> None:
    rng = np.random.default_rng(8)
    seen = set()
    for n_windows in [0, 1, 2, 5, 16, 17, 60, 200] * 25:
        evidence = draw_evidence(rng, n_windows)
        verdict = connection_verdict(evidence, make_rule(), CLASSES)
        exchange, certainty, probability, since, changes = naive_verdict(evidence.tolist(), make_rule())
        assert (verdict.exchange, verdict.certainty, verdict.since_window) == (exchange, certainty, since)
        assert verdict.probability == pytest.approx(probability, abs=5.1e-7)
        assert [change.window for change in verdict.changes] == changes
        assert verdict.certain_after_messages == (50 + 25 * changes[0] if changes else None)
        seen.add((certainty, len(changes) > 1))
    assert seen == {("certain", True), ("certain", False), ("likely", False), ("undecided", False)}


# binance ------|
#               |------ kraken
# window  0 1 2 3 4 5 6
def test_a_switch_is_dated_back_to_where_it_began_and_stands_when_evidence_ends() -> None:
    speaks_for_binance, speaks_for_kraken, silent = [0, -6000, -6000, -6000], [-6000, -6000, 0, -6000], [-1000] * 4
    evidence = np.array([speaks_for_binance] * 3 + [speaks_for_kraken] * 4 + [silent] * 20)
    verdict = connection_verdict(evidence, make_rule(), CLASSES)
    assert (verdict.exchange, verdict.certainty, verdict.previous) == ("kraken", "certain", "binance")
    first, second = verdict.changes
    assert (first.window, first.since_window, first.suffix_windows, first.strength_millinats) == (1, 0, 2, 12_000)
    # Kraken's bound is 11 nats and 11.513 more to overturn binance.
    assert (second.window, second.since_window, second.suffix_windows, second.strength_millinats) == (6, 3, 4, 24_000)
    assert (verdict.since_window, verdict.certain_after_messages, verdict.windows) == (3, 75, 27)


def test_of_two_classes_the_one_that_needs_fewer_windows_is_decisive() -> None:
    # Over one window kraken leads by 9 nats, over all three binance by 15.
    evidence = np.array([[[0, -12_000, -12_000], [0, -12_000, -12_000], [-9_000, -9_000, 0]]])
    decided = decide(evidence, np.array([3]), make_rule(10_000, 10_000, 8_000))
    assert (decided.decisive.tolist(), decided.suffix_windows.tolist()) == ([2], [1])


def test_without_a_window_nothing_is_said() -> None:
    verdict = connection_verdict(np.empty((0, 4), dtype=np.int64), make_rule(), CLASSES)
    assert verdict == ConnectionVerdict(
        exchange="unknown",
        certainty="undecided",
        probability=0.0,
        strength_millinats=0,
        windows=0,
        since_window=None,
        changes=(),
    )


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40), cut=st.integers(0, 40))
def test_a_row_does_not_depend_on_its_batch(seed: int, n: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    evidence = np.stack([draw_evidence(rng, HISTORY) for _ in range(n)])
    n_windows = rng.integers(0, 30, size=n)
    whole = decide(evidence, n_windows, make_rule())
    parts = [decide(evidence[part], n_windows[part], make_rule()) for part in (slice(cut), slice(cut, None))]
    for field in fields(whole):
        together = np.concatenate([getattr(part, field.name) for part in parts])
        assert together.tobytes() == getattr(whole, field.name).tobytes()


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60))
def test_a_running_decision_knows_nothing_of_what_comes(seed: int, n: int) -> None:
    evidence = draw_evidence(np.random.default_rng(seed), 60)
    whole, start = running_decisions(evidence, make_rule()), running_decisions(evidence[:n], make_rule())
    for field in fields(whole):
        assert getattr(start, field.name).tobytes() == getattr(whole, field.name)[:n].tobytes()
