"""The main figures: right, refused and wrong, by windows and by connections, with confusion matrices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.evaluation.predictions import UNDECIDED, Opinion, last_windows
from model.evaluation.statistics import Share, connection_share, window_share
from model.training.dataset import Dataset
from udfs.schema import UNKNOWN, Int64Array

NOT_DECIDED: Final = "undecided"
"""What stands for a connection before its evidence suffices; users see it as `unknown`, these figures apart."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Names:
    """What windows and connections were called, beside what they are.

    Attributes
    ----------
    window_truths, windows : (n_windows,) str
    sessions : (n_windows,) int64
    connection_truths, connections : (n_connections,) str
        Of connections that have a window.
    """

    window_truths: NDArray[np.str_]
    windows: NDArray[np.str_]
    sessions: Int64Array
    connection_truths: NDArray[np.str_]
    connections: NDArray[np.str_]

    @classmethod
    def of(cls, dataset: Dataset, opinion: Opinion) -> Names:
        """Take the final verdicts of an opinion."""
        last = last_windows(dataset)
        return cls(
            window_truths=dataset.window_labels,
            windows=opinion.window_names,
            sessions=dataset.session,
            connection_truths=dataset.window_labels[last],
            connections=names_at(opinion, last),
        )

    @classmethod
    def by_session(cls, dataset: Dataset, names: Sequence[str]) -> Names:
        """Give all windows of a session the same name."""
        last, given = last_windows(dataset), np.array(names, dtype=np.str_)
        return cls(
            window_truths=dataset.window_labels,
            windows=given[dataset.session],
            sessions=dataset.session,
            connection_truths=dataset.window_labels[last],
            connections=given[dataset.session[last]],
        )


def names_at(opinion: Opinion, rows: NDArray[np.intp]) -> NDArray[np.str_]:
    """Say what stands for connections after these windows, `NOT_DECIDED` apart from `unknown`."""
    return np.where(opinion.certainty[rows] == UNDECIDED, NOT_DECIDED, opinion.standing_names[rows])


def main_figures(names: Names) -> dict[str, Any]:
    """Count what known exchanges and strangers were called.

    Returns
    -------
    dict
        `windows` and `connections`, each with `known_right`, `known_refused`, `known_wrong` (named as another exchange)
        and `strangers_refused` as shares, and `confusion`: truth -> name -> count. Of connections, refused means
        `unknown` or undecided, as users see it; `known_undecided` and `strangers_undecided` say how many were the
        latter.
    """
    return {
        "windows": {
            **{
                name: window_share(hits, names.sessions[rows]).to_json()
                for name, hits, rows in _counted(names.window_truths, names.windows)
            },
            "confusion": confusion(names.window_truths, names.windows),
        },
        "connections": {
            **{
                name: connection_share(hits).to_json()
                for name, hits, _ in _counted(names.connection_truths, names.connections)
            },
            **{
                f"{group}_undecided": connection_share(names.connections[rows] == NOT_DECIDED).to_json()
                for group, rows in _groups(names.connection_truths).items()
            },
            "confusion": confusion(names.connection_truths, names.connections),
        },
    }


def _counted(
    truths: NDArray[np.str_], names: NDArray[np.str_]
) -> list[tuple[str, NDArray[np.bool_], NDArray[np.bool_]]]:
    """List the figures: a name, the hits among the rows that count, and those rows."""
    groups = _groups(truths)
    known, strangers = groups["known"], groups["strangers"]
    refused = np.isin(names, (UNKNOWN, NOT_DECIDED))
    right = names == truths
    return [
        ("known_right", right[known], known),
        ("known_refused", refused[known], known),
        ("known_wrong", (~right & ~refused)[known], known),
        ("strangers_refused", refused[strangers], strangers),
    ]


def _groups(truths: NDArray[np.str_]) -> dict[str, NDArray[np.bool_]]:
    return {"known": truths != UNKNOWN, "strangers": truths == UNKNOWN}


def confusion(truths: NDArray[np.str_], names: NDArray[np.str_]) -> dict[str, dict[str, int]]:
    """Count names for each truth.

    >>> confusion(np.array(["a", "a", "b"]), np.array(["a", "b", "b"]))
    {'a': {'a': 1, 'b': 1}, 'b': {'b': 1}}
    """
    return {
        str(truth): {str(name): n for name, n in sorted(Counter(names[truths == truth].tolist()).items())}
        for truth in np.unique(truths)
    }


def right_windows(names: Names) -> Share:
    """Count windows of known exchanges that are called by their names."""
    known = names.window_truths != UNKNOWN
    return window_share((names.windows == names.window_truths)[known], names.sessions[known])


def right_connections(names: Names) -> Share:
    """Count connections of known exchanges that are called by their names."""
    known = names.connection_truths != UNKNOWN
    return connection_share((names.connections == names.connection_truths)[known])
