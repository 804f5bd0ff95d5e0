"""Order-entry sessions: requests that leave, answers that come, reports of what became of the orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthetic.activity import draw_activity
from synthetic.behaviour import AckShape, IdleHeartbeat, OrderProfile, Periodic, Reports, SeqRule
from synthetic.environment import Circumstances, log_uniform
from synthetic.frames import Frames, join, make_frames
from synthetic.opening import draw_opening, draw_periodics, opening_s, silence_ends
from udfs.schema import MISSING, Float64Array, Int64Array, MsgType

_FIRST_REQUEST_S: Final = 0.05
_TIMER_DELAY_S: Final = 0.02
_REPORT_SPREAD_S: Final = 0.001
_REPORT_STEP_S: Final = 0.00003


@dataclass(frozen=True, kw_only=True)
class OrderPlan:
    """What a session has chosen before its first request; all but reports, beats and answers is the trader's.

    Attributes
    ----------
    timer_s : float or None
        Interval of a trader who acts by the clock; None for one who follows the market.
    cancel_share : float
        Share of the requests that are cancellations, not orders.
    reject_share : float
        Share of the requests that are refused.
    reject_haste : float
        What a refusal takes of an answer's service time.
    fill_share : float
        Share of the accepted orders that fill.
    taker_share : float
        Share of those that fill at once.
    trades_each : float
        Mean number of trades that fill an order.
    reports : Reports or None
        What the session is told unasked.
    idle_s : float or None
        Period of the heartbeats of a silent side, None without.
    """

    request_rate_hz: float
    timer_s: float | None
    cancel_share: float
    reject_share: float
    reject_haste: float
    fill_share: float
    taker_share: float
    trades_each: float
    reports: Reports | None
    periodics: tuple[Periodic, ...]
    idle_s: float | None
    service_median: float
    service_sigma: float
    slow_share: float
    slow_factor: float
    slow_sigma: float


def draw_order_plan(rng: np.random.Generator, profile: OrderProfile, circumstances: Circumstances) -> OrderPlan:
    """Draw a trader and the way the venue answers, and solve for the requests that give the rate aimed at."""
    ack: AckShape = profile.ack
    periodics = tuple(p for p in profile.periodics if rng.random() < p.probability)
    reports = _draw_reports(rng, profile.reports)
    idle = profile.idle_heartbeat
    cancel_share = rng.uniform(0.2, 0.5)
    reject_share = float(rng.choice([0.0, log_uniform(rng, 0.005, 0.1)]))
    fill_share = rng.uniform(0.05, 0.5)
    trades_each = rng.uniform(1.0, 2.5)
    frames_each = 2.0
    if reports is not None:
        of_fill = fill_share * (trades_each * reports.traded + reports.completed)
        of_order = cancel_share * reports.cancelled + (1 - cancel_share) * (reports.placed + of_fill)
        frames_each += (1 - reject_share) * of_order
    clock_rate_hz = sum((1 + p.answered) / p.period_s for p in periodics)
    wanted_hz = max(circumstances.target_rate_hz - clock_rate_hz, 0.1 * circumstances.target_rate_hz)
    request_rate_hz = wanted_hz / frames_each
    return OrderPlan(
        request_rate_hz=request_rate_hz,
        # Recorded order logs: requests at whole multiples of 6 s (Binance) or 5 s (the others), 1 to 25 ms late.
        timer_s=1 / request_rate_hz if rng.random() < 0.3 else None,
        cancel_share=cancel_share,
        reject_share=reject_share,
        reject_haste=rng.uniform(0.3, 1.0),
        fill_share=fill_share,
        taker_share=rng.uniform(0.0, 0.6),
        trades_each=trades_each,
        reports=reports,
        periodics=periodics,
        idle_s=None if idle is None else float(rng.choice(idle.period_s)),
        service_median=log_uniform(rng, *ack.service_median),
        service_sigma=rng.uniform(*ack.service_sigma),
        slow_share=rng.uniform(*ack.slow_share),
        slow_factor=rng.uniform(*ack.slow_factor),
        slow_sigma=ack.slow_sigma,
    )


def _draw_reports(rng: np.random.Generator, alternatives: tuple[Reports, ...]) -> Reports | None:
    place = rng.random()
    for reports in alternatives:
        place -= reports.probability
        if place < 0:
            return reports
    return None


def draw_order_frames(
    rng: np.random.Generator,
    profile: OrderProfile,
    plan: OrderPlan,
    circumstances: Circumstances,
    *,
    duration_s: float,
    start_ns: int,
) -> Frames:
    """Draw every frame of a session of `duration_s`, before delivery."""
    first_s = opening_s(circumstances.distance_s) + circumstances.distance_s + _FIRST_REQUEST_S
    requests_s = first_s + _draw_requests(rng, plan, circumstances, duration_s)
    parts = draw_opening(rng, profile.opening, n_symbols=1, distance_s=circumstances.distance_s)
    parts += draw_periodics(
        rng,
        plan.periodics,
        n_symbols=1,
        symbol_seq=lambda times_s, _symbol: np.full(len(times_s), MISSING),
        first_s=first_s,
        duration_s=first_s + duration_s,
        start_ns=start_ns,
    )
    parts += _exchange_frames(rng, profile, plan, circumstances, requests_s)
    if profile.idle_heartbeat is not None and plan.idle_s is not None:
        parts += _idle_frames(rng, profile, profile.idle_heartbeat, join(parts), plan.idle_s, first_s + duration_s)
    return join(parts)


def draw_latencies(rng: np.random.Generator, plan: OrderPlan, distance_s: float, n: int) -> Float64Array:
    """Draw how long answers take, in seconds: the host's distance, times a shape that is the venue's."""
    service = plan.service_median * np.exp(plan.service_sigma * rng.standard_normal(n))
    slow = np.where(
        rng.random(n) < plan.slow_share, plan.slow_factor * np.exp(plan.slow_sigma * rng.standard_normal(n)), 1.0
    )
    latencies_s: Float64Array = distance_s * (1 + service) * np.maximum(slow, 1.0)
    return latencies_s


def _draw_requests(
    rng: np.random.Generator, plan: OrderPlan, circumstances: Circumstances, duration_s: float
) -> Float64Array:
    if plan.timer_s is None:
        return draw_activity(rng, circumstances, rate_hz=plan.request_rate_hz, duration_s=duration_s).times_s
    times_s = np.arange(0.0, duration_s, plan.timer_s)
    return np.sort(times_s + min(_TIMER_DELAY_S, plan.timer_s / 5) * rng.standard_exponential(len(times_s)))


def _exchange_frames(
    rng: np.random.Generator,
    profile: OrderProfile,
    plan: OrderPlan,
    circumstances: Circumstances,
    requests_s: Float64Array,
) -> list[Frames]:
    """Pair each request with its answer, and the accepted ones with their reports."""
    n = len(requests_s)
    ids = _draw_ids(rng, n, counter=profile.counter_ids)
    refused = rng.random(n) < plan.reject_share
    # A request travels a distance and an answer another: the least round trip is twice the host's distance.
    round_trips_s = draw_latencies(rng, plan, 2 * circumstances.distance_s, n)
    haste = np.where(refused, plan.reject_haste, 1.0)
    round_trips_s = 2 * circumstances.distance_s + (round_trips_s - 2 * circumstances.distance_s) * haste
    answers_s = requests_s + round_trips_s - circumstances.distance_s
    requests = make_frames(
        rng,
        requests_s,
        msg_type=MsgType.NEW,
        payload_bytes=profile.request_bytes,
        spread_bytes=circumstances.size_spread_bytes,
        outgoing=True,
        request_id=ids,
    )
    answers = make_frames(
        rng,
        answers_s,
        msg_type=np.where(refused, int(MsgType.NACK), int(MsgType.ACK)),
        payload_bytes=np.where(refused, float(profile.nack_bytes), float(profile.ack_bytes)),
        spread_bytes=circumstances.size_spread_bytes,
        counted=profile.seq is SeqRule.CONNECTION,
        request_id=ids,
        event_step_ns=profile.exchange_time_ns,
    )
    parts = [requests, answers]
    if plan.reports is not None:
        parts.append(_report_frames(rng, profile, plan, plan.reports, circumstances, answers_s[~refused]))
    return parts


def _report_frames(
    rng: np.random.Generator,
    profile: OrderProfile,
    plan: OrderPlan,
    reports: Reports,
    circumstances: Circumstances,
    accepted_s: Float64Array,
) -> Frames:
    """Report what becomes of the accepted requests: beside the answer, and when their orders trade."""
    times_s = _report_times(rng, plan, reports, accepted_s)
    return make_frames(
        rng,
        times_s,
        msg_type=MsgType.NEW,
        payload_bytes=reports.payload_bytes,
        spread_bytes=circumstances.size_spread_bytes,
        counted=reports.seq is SeqRule.CONNECTION,
        event_step_ns=profile.exchange_time_ns,
    )


def _report_times(
    rng: np.random.Generator, plan: OrderPlan, reports: Reports, accepted_s: Float64Array
) -> Float64Array:
    is_cancel = rng.random(len(accepted_s)) < plan.cancel_share
    # No page promises an order between a report and the answer on the same connection. An order's reports keep theirs.
    noticed_s = accepted_s + (_REPORT_SPREAD_S * rng.standard_normal(len(accepted_s)) if reports.placed > 0 else 0.0)
    filled = ~is_cancel & (rng.random(len(accepted_s)) < plan.fill_share)
    n_filled = int(filled.sum())
    waits_s = rng.standard_exponential(n_filled) / plan.request_rate_hz
    fills_s = noticed_s[filled] + np.where(
        rng.random(n_filled) < plan.taker_share, reports.placed * _REPORT_STEP_S, waits_s
    )
    n_trades = rng.geometric(1 / plan.trades_each, n_filled)
    return np.concatenate(
        (
            _in_steps(noticed_s[is_cancel], np.full(int(is_cancel.sum()), reports.cancelled)),
            _in_steps(noticed_s[~is_cancel], np.full(int((~is_cancel).sum()), reports.placed)),
            _in_steps(fills_s, n_trades * reports.traded + reports.completed),
        )
    )


def _in_steps(times_s: Float64Array, counts: NDArray[np.int64]) -> Float64Array:
    """Send some frames one after the other from each of some times on."""
    nth = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    # "Executions" (Kraken v2): the times of the example's pending_new, new and trade are 32 and 11 us apart.
    steps_s: Float64Array = np.repeat(times_s, counts) + nth * _REPORT_STEP_S
    return steps_s


def _idle_frames(
    rng: np.random.Generator,
    profile: OrderProfile,
    idle: IdleHeartbeat,
    spoken: Frames,
    period_s: float,
    last_s: float,
) -> list[Frames]:
    """Let each side beat when it has been silent for a period."""
    parts = []
    for outgoing in (False, True):
        times_s = np.sort(spoken.times_s[spoken.outgoing == outgoing])
        parts.append(
            make_frames(
                rng,
                silence_ends(times_s, period_s, last_s=last_s),
                msg_type=MsgType.HEARTBEAT,
                payload_bytes=idle.payload_bytes,
                outgoing=outgoing,
                counted=not outgoing and profile.seq is SeqRule.CONNECTION,
                event_step_ns=None if outgoing else profile.exchange_time_ns,
            )
        )
    return parts


def _draw_ids(rng: np.random.Generator, n: int, *, counter: bool) -> Int64Array:
    if counter:
        return int(rng.integers(10, 10**6)) + np.arange(n)
    # The hash of a string id: any 63 bits
    return rng.integers(1, 2**63 - 1, n)
