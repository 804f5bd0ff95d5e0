"""Which confusions stand behind errors, in sentences, the most frequent first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.evaluation.accuracy_over_messages import TARGET_MESSAGES
from model.evaluation.figures import NOT_DECIDED, names_at
from model.evaluation.predictions import Opinion, last_windows, window_numbers
from model.training.dataset import Dataset
from udfs.current_verdict import messages_at
from udfs.schema import UNKNOWN

MOST_CAUSES: Final = 6


@dataclass(frozen=True, kw_only=True)
class Causes:
    """The confusions behind each kind of error, as sentences."""

    recordings_known: tuple[str, ...]
    recordings_windows: tuple[str, ...]
    recordings_strangers: tuple[str, ...]
    recordings_refused: tuple[str, ...]
    fresh_connections: tuple[str, ...]
    fresh_windows: tuple[str, ...]
    fresh_refused: tuple[str, ...]


def find_causes(fresh: tuple[Dataset, Opinion], recordings: tuple[Dataset, Opinion]) -> Causes:
    """Look up what is confused with what."""
    dataset, opinion = recordings
    last = last_windows(dataset)
    known = dataset.labels[dataset.session[last]] != UNKNOWN
    is_known_window = dataset.window_labels != UNKNOWN
    names = opinion.window_names
    wrong_window = is_known_window & (names != dataset.window_labels)
    at_target = _rows_at(fresh[0], TARGET_MESSAGES)
    at_target = at_target[fresh[0].window_labels[at_target] != UNKNOWN]
    fresh_labels, fresh_names = fresh[0].window_labels, fresh[1].window_names
    fresh_wrong = (fresh_labels != UNKNOWN) & (fresh_names != fresh_labels)
    return Causes(
        recordings_known=connection_causes(dataset, opinion, last[known], by_family=False),
        recordings_windows=window_causes(dataset, names, wrong_window),
        recordings_strangers=connection_causes(dataset, opinion, last[~known], by_family=False),
        recordings_refused=window_causes(dataset, names, is_known_window & (names == UNKNOWN)),
        fresh_connections=connection_causes(*fresh, at_target, by_family=True),
        fresh_windows=window_causes(fresh[0], fresh_names, fresh_wrong, by_family=True),
        fresh_refused=window_causes(fresh[0], fresh_names, fresh_wrong & (fresh_names == UNKNOWN), by_family=True),
    )


def _rows_at(dataset: Dataset, messages: int) -> NDArray[np.intp]:
    """Find each session's last window within its first messages."""
    numbers = window_numbers(dataset)
    rows = np.flatnonzero(numbers <= (messages - messages_at(0)) // (messages_at(1) - messages_at(0)))
    ends: NDArray[np.intp] = rows[np.diff(dataset.session[rows], append=-1) != 0]
    return ends


def connection_causes(
    dataset: Dataset, opinion: Opinion, rows: NDArray[np.intp], *, by_family: bool
) -> tuple[str, ...]:
    """Say what connections that are not named right are called, after these windows of theirs."""
    counts: Counter[tuple[str, str]] = Counter()
    for row, name in zip(rows, names_at(opinion, rows).tolist(), strict=True):
        source = dataset.sources[int(dataset.session[row])]
        allowed = (source.label, NOT_DECIDED) if source.label == UNKNOWN else (source.label,)
        if name not in allowed:
            counts[(source.family if by_family else source.name, name)] += 1
    return tuple(f"{what} is {_said(name)} ({n} of {len(rows)})" for (what, name), n in counts.most_common(MOST_CAUSES))


def _said(name: str) -> str:
    return name if name == NOT_DECIDED else f"called {name}"


def window_causes(
    dataset: Dataset, names: NDArray[np.str_], wrong: NDArray[np.bool_], *, by_family: bool = False
) -> tuple[str, ...]:
    """Say of which sessions the windows that are wrong are, and what they are called."""
    counts = Counter(
        (dataset.sources[session].family if by_family else dataset.sources[session].name, name)
        for session, name in zip(dataset.session[wrong].tolist(), names[wrong].tolist(), strict=True)
    )
    total = int(wrong.sum())
    return tuple(
        f"{what}: windows called {name} ({n} of {total} such windows)"
        for (what, name), n in counts.most_common(MOST_CAUSES)
    )
