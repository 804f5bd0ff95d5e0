"""The same behaviour under other circumstances: livelier and calmer markets, worse networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np

from model.evaluation.causes import connection_causes, window_causes
from model.evaluation.effort import Effort
from model.evaluation.figures import Names, right_connections, right_windows
from model.evaluation.predictions import Namer, last_windows
from model.training.boosting import Progress
from model.training.dataset import Dataset, Source, build_dataset, draw_labelled_synthetic
from synthetic.jitter import JITTER_MEDIANS_S, add_jitter
from udfs.schema import UNKNOWN, Session

RATE_FACTORS: Final = (0.5, 0.71, 1.0, 1.41, 2.0)


def rate_shift(
    effort: Effort, seed: int, namers: Mapping[str, Namer], false_unknown_rate: float, progress: Progress
) -> list[dict[str, Any]]:
    """Name the same fresh sessions at each factor of the rate."""
    rows = []
    for factor in RATE_FACTORS:
        progress(f"sessions at {factor:g} times the rate")
        dataset = build_dataset(_draw(effort, seed, rate_factor=factor))
        rows.append({"rate_factor": factor, **named(dataset, namers, false_unknown_rate)})
    return rows


def jitter_on_synthetic(
    effort: Effort, seed: int, namers: Mapping[str, Namer], false_unknown_rate: float, progress: Progress
) -> list[dict[str, Any]]:
    """Name the same fresh sessions without jitter and with each of the documented ones."""

    def draw() -> Iterable[tuple[Source, Session]]:
        return _draw(effort, seed, rate_factor=1.0)

    return _jitter(draw, seed, namers, false_unknown_rate, progress, "sessions")


def jitter_on_recordings(
    recorded: Iterable[tuple[Source, Session]],
    seed: int,
    namers: Mapping[str, Namer],
    false_unknown_rate: float,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Name recordings left out, without jitter and with each of the documented ones."""
    kept = list(recorded)
    return _jitter(lambda: kept, seed, namers, false_unknown_rate, progress, "recordings")


def _jitter(
    draw: Callable[[], Iterable[tuple[Source, Session]]],
    seed: int,
    namers: Mapping[str, Namer],
    false_unknown_rate: float,
    progress: Progress,
    what: str,
) -> list[dict[str, Any]]:
    rows = []
    for median_s in (0.0, *JITTER_MEDIANS_S):
        progress(f"{what} with {1000 * median_s:g} ms of jitter")
        rng = np.random.default_rng(seed)
        dataset = build_dataset(
            (source, add_jitter(session, rng=rng, median_s=median_s) if median_s else session)
            for source, session in draw()
        )
        rows.append({"jitter_ms": 1000 * median_s, **named(dataset, namers, false_unknown_rate)})
    return rows


def _draw(effort: Effort, seed: int, *, rate_factor: float) -> Iterable[tuple[Source, Session]]:
    amounts = effort.shifted
    return draw_labelled_synthetic(
        per_exchange=amounts.per_exchange, n_messages=amounts.n_messages, seed=seed, rate_factor=rate_factor
    )


def named(dataset: Dataset, namers: Mapping[str, Namer], false_unknown_rate: float) -> dict[str, Any]:
    """Count what each namer gets right of the known exchanges, and say what it calls the others."""
    result, last = {}, last_windows(dataset)
    last = last[dataset.window_labels[last] != UNKNOWN]
    for name, namer in namers.items():
        opinion = namer.opine(dataset, false_unknown_rate)
        names = Names.of(dataset, opinion)
        wrong = (names.window_truths != UNKNOWN) & (names.windows != names.window_truths)
        result[name] = {
            "windows_right": right_windows(names).to_json(),
            "connections_right": right_connections(names).to_json(),
            "windows_wrong": list(window_causes(dataset, names.windows, wrong, by_family=True)),
            "connections_wrong": list(connection_causes(dataset, opinion, last, by_family=True)),
        }
    return result
