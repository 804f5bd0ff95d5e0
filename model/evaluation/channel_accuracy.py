"""How far verdicts can be trusted by venue and channel: channels alone, the usual mixes, and recordings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.evaluation.figures import NOT_DECIDED, names_at
from model.evaluation.predictions import Classifier, Prediction, window_numbers
from model.evaluation.statistics import connection_share, window_share
from model.training.boosting import Progress
from model.training.dataset import START_NS, Dataset, Source, build_dataset
from synthetic.subscriptions import subscribed_sessions, subscriptions
from udfs.current_verdict import messages_at
from udfs.schema import UNKNOWN

MESSAGES: Final = 500
"""A connection's verdict is the one after so many, or after its last."""

Row = tuple[str, str, str]
"""Exchange, interface and channels."""


def channel_accuracy(
    n_each: int, seed: int, classifier: Classifier, false_unknown_rate: float, progress: Progress
) -> list[dict[str, Any]]:
    """Name fresh synthetic sessions of every subscription, so many of each."""
    progress("sessions of every channel")
    dataset, rows = _draw(n_each, seed)
    return count_by_row(dataset, classifier.predict(dataset, false_unknown_rate), rows)


def recorded_accuracy(
    recordings: Dataset, left_out: Prediction, channels: Mapping[str, tuple[str, str]]
) -> list[dict[str, Any]]:
    """Count what recordings of known exchanges were called by who never saw their days."""
    own = recordings.labels != UNKNOWN
    rows = [(s.label, *channels[s.name]) if is_own else None for s, is_own in zip(recordings.sources, own, strict=True)]
    return count_by_row(recordings, left_out, rows)


def count_by_row(dataset: Dataset, prediction: Prediction, rows: list[Row] | list[Row | None]) -> list[dict[str, Any]]:
    """Count right, unknown and wrong verdicts of the sessions of each row, in the order of the first of each.

    A connection that is undecided counts as unknown, which is what users see; None leaves a session out.
    """
    last = _last_windows_within(dataset)
    names, truths = names_at(prediction, last), dataset.window_labels[last]
    unknown = np.isin(names, (UNKNOWN, NOT_DECIDED))
    early = messages_at(0) + (messages_at(1) - messages_at(0)) * window_numbers(dataset) <= MESSAGES
    right_windows = prediction.window_names == dataset.window_labels
    counted = []
    for row in dict.fromkeys(row for row in rows if row is not None):
        own = np.array([other == row for other in rows])
        mine, windows = own[dataset.session[last]], own[dataset.session] & early
        exchange, interface, channels = row
        counted.append(
            {
                "exchange": exchange,
                "interface": interface,
                "channels": channels,
                "right": connection_share((names == truths)[mine]).to_json(),
                "unknown": connection_share(unknown[mine]).to_json(),
                "wrong": connection_share((~unknown & (names != truths))[mine]).to_json(),
                "windows_right": window_share(right_windows[windows], dataset.session[windows]).to_json(),
            }
        )
    return counted


def _last_windows_within(dataset: Dataset) -> NDArray[np.intp]:
    """Find each session's last window that ends within `MESSAGES`."""
    ends = messages_at(0) + (messages_at(1) - messages_at(0)) * window_numbers(dataset)
    rows = np.flatnonzero(ends <= MESSAGES)
    last: NDArray[np.intp] = rows[np.diff(dataset.session[rows], append=-1) != 0]
    return last


def _draw(n_each: int, seed: int) -> tuple[Dataset, list[Row]]:
    sessions, rows = [], []
    for subscription in subscriptions():
        row = (subscription.exchange, subscription.interface, subscription.channels)
        for labelled in subscribed_sessions(subscription, n=n_each, seed=seed, start_ns=START_NS, n_messages=MESSAGES):
            name = labelled.session.connection_id
            source = Source(name=name, label=row[0], group=name, family=subscription.interface, real=False, sha256="")
            sessions.append((source, labelled.session))
            rows.append(row)
    return build_dataset(sessions), rows
