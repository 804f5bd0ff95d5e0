"""Bounds on sessions made for the purpose."""

from __future__ import annotations

import numpy as np

from model.training.decision_bounds import LEAST_BOUND_MILLINATS, HeldOutSession, fit_decision_rule

CLASSES = ("a", "b", "unknown")


def make_session(label: str, probabilities: list[float], n_windows: int, *, real: bool = False) -> HeldOutSession:
    return HeldOutSession(label=label, real=real, probabilities=np.tile(probabilities, (n_windows, 1)))


def test_clear_sessions_need_no_more_than_the_least_bound() -> None:
    sessions = [make_session("a", [0.98, 0.01, 0.01], 10)] * 150 + [make_session("b", [0.01, 0.98, 0.01], 10)] * 150
    sessions += [make_session("unknown", [0.01, 0.01, 0.98], 10)] * 150
    rule = fit_decision_rule(sessions, CLASSES)
    assert rule.bounds_millinats == (LEAST_BOUND_MILLINATS,) * 3
    assert rule.slope_per_nat > 0


def test_a_bound_is_above_what_sessions_of_others_reach_but_for_the_rate_allowed() -> None:
    # 9 of 1,000 sessions of b look like a for ever: with one more that may do anything, exactly 1% are allowed.
    # Five windows of -105 + 2996 millinats (ln 0.9, ln 0.05) lead by 14,455, and a bound is one more.
    sessions = [make_session("b", [0.01, 0.98, 0.01], 5)] * 991 + [make_session("b", [0.9, 0.05, 0.05], 5)] * 9
    assert fit_decision_rule(sessions, CLASSES).bounds_millinats[0] == LEAST_BOUND_MILLINATS
    more = [make_session("b", [0.01, 0.98, 0.01], 5)] * 980 + [make_session("b", [0.9, 0.05, 0.05], 5)] * 20
    assert fit_decision_rule(more, CLASSES).bounds_millinats[0] == 14_456


def test_unknown_venues_have_a_rate_of_their_own() -> None:
    known = [make_session("b", [0.01, 0.98, 0.01], 5)] * 200
    unknown_venues = [make_session("unknown", [0.01, 0.01, 0.98], 5)] * 90
    like_a = [make_session("unknown", [0.9, 0.05, 0.05], 5)] * 10
    assert fit_decision_rule(known + unknown_venues + like_a, CLASSES).bounds_millinats[0] == 14_456
    few = fit_decision_rule(
        known + unknown_venues + unknown_venues[:5] + like_a[:4], CLASSES
    )  # 4 of 99, and one more: 5%
    assert few.bounds_millinats[0] == LEAST_BOUND_MILLINATS


def test_recorded_unknown_venues_count_before_synthetic_ones() -> None:
    known = [make_session("b", [0.01, 0.98, 0.01], 5)] * 200
    imitators = [make_session("unknown", [0.9, 0.05, 0.05], 5)] * 100
    recorded = [make_session("unknown", [0.01, 0.01, 0.98], 5, real=True)] * 20
    assert fit_decision_rule(known + imitators + recorded, CLASSES).bounds_millinats[0] == LEAST_BOUND_MILLINATS
