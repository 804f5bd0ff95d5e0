"""How right verdicts are, and how sure, after so many messages."""

from __future__ import annotations

from typing import Any

import numpy as np

from model.evaluation.figures import NOT_DECIDED, names_at
from model.evaluation.predictions import CERTAIN, Opinion, window_numbers
from model.evaluation.statistics import connection_share, quantiles
from model.training.dataset import Dataset
from udfs.current_verdict import messages_at
from udfs.schema import UNKNOWN

MOST_MESSAGES = 700
TARGET_MESSAGES = 500


def course_figures(dataset: Dataset, opinion: Opinion) -> dict[str, Any]:
    """Count right, undecided and wrong verdicts after each window, and say when they became certain.

    A connection that ended earlier keeps its last verdict. A stranger is right once it is called `unknown`; a known
    exchange called so is wrong here.
    """
    numbers, groups = window_numbers(dataset), {}
    for group, is_own in (("known", dataset.labels != UNKNOWN), ("strangers", dataset.labels == UNKNOWN)):
        points = [
            _point(dataset, opinion, numbers, is_own, number)
            for number in range(int(numbers.max(initial=-1)) + 1)
            if messages_at(number) <= MOST_MESSAGES
        ]
        groups[group] = {"points": points, "certain_after_messages": _certain_after(dataset, opinion, numbers, is_own)}
    return groups


def _point(
    dataset: Dataset,
    opinion: Opinion,
    numbers: np.ndarray[Any, np.dtype[np.int64]],
    is_own: np.ndarray[Any, np.dtype[np.bool_]],
    number: int,
) -> dict[str, Any]:
    rows = np.flatnonzero((numbers <= number) & is_own[dataset.session])
    rows = rows[np.diff(dataset.session[rows], append=-1) != 0]
    names, truths = names_at(opinion, rows), dataset.window_labels[rows]
    right, undecided = names == truths, names == NOT_DECIDED
    return {
        "messages": messages_at(number),
        "right": connection_share(right).to_json(),
        "undecided": connection_share(undecided).to_json(),
        "wrong": connection_share(~right & ~undecided).to_json(),
    }


def _certain_after(
    dataset: Dataset,
    opinion: Opinion,
    numbers: np.ndarray[Any, np.dtype[np.int64]],
    is_own: np.ndarray[Any, np.dtype[np.bool_]],
) -> dict[str, Any]:
    rows = np.flatnonzero((opinion.certainty == CERTAIN) & is_own[dataset.session])
    _, first = np.unique(dataset.session[rows], return_index=True)
    n = len(np.unique(dataset.session[is_own[dataset.session]]))
    messages = messages_at(0) + (messages_at(1) - messages_at(0)) * numbers[rows[first]]
    share = connection_share(np.arange(n) < len(first))
    return {**quantiles(messages.astype(np.float64)), "ever_certain": share.to_json()}


def right_after(figures: dict[str, Any], messages: int) -> dict[str, Any] | None:
    """Look up the share of known exchanges' connections that are right after so many messages."""
    for point in reversed(figures["known"]["points"]):
        if point["messages"] <= messages:
            found: dict[str, Any] = point["right"]
            return found
    return None
