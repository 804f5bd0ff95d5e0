"""What the job writes of one partition's messages, computed without Flink: the same functions, other plumbing.

The job keeps in its state what it looks back on; here all windows of a partition lie one after the other, connection by
connection, and looking back is an index: that of the latest window at which something was so, or `NOWHERE`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from jobs.pipeline.result_tables import CONNECTION_EVENTS, CONNECTION_VERDICTS, RESULT_TABLES, WINDOW_SCORES
from jobs.reference.scored_windows import (
    NOWHERE,
    OF_WINDOW,
    Objects,
    PartitionMessages,
    Past,
    join,
    score_partition_batch,
)
from udfs.current_verdict import CERTAIN, LIKELY, UNDECIDED
from udfs.model_schedule import Models, Schedule, by_version, explain_scheduled
from udfs.rows import decision_rows
from udfs.schema import UNKNOWN, WINDOW_SIZE, WINDOW_SLIDE, Int64Array
from udfs.windows import window_starts

Rows = tuple[str, pd.DataFrame]
"""A table's name, and some of its rows."""

_BATCH: Final = 4096
"""Windows at a time, which bounds the memory; results do not depend on it."""


def result_rows(
    messages: PartitionMessages,
    models: Models,
    schedule: Schedule,
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[Rows]:
    """Yield the rows of all three tables of models, some at a time, with the columns of `RESULT_TABLES`.

    Timestamps are ISO 8601 text, JSON objects are dicts, arrays are lists; the columns of writing time are missing.

    Parameters
    ----------
    messages : PartitionMessages
        All of a partition.
    models, schedule
        Of the topic.
    progress : callable
        Is told how many windows are scored.
    """
    starts = window_starts(messages.lengths)
    if not len(starts):
        return
    batches: list[Past] = []
    for begin in range(0, len(starts), _BATCH):
        rows, batch = score_partition_batch(messages, starts, slice(begin, begin + _BATCH), models, schedule)
        yield _lay_out(WINDOW_SCORES, rows)
        batches.append(batch)
        progress(begin + len(rows))
    past = join(batches)
    judged = _judged(past, models)
    connections = past.rows["connection_id"].to_numpy(dtype=object)
    is_last = np.append(connections[1:] != connections[:-1], True)
    yield _lay_out(CONNECTION_VERDICTS, _verdicts(judged[is_last]))
    yield _lay_out(CONNECTION_EVENTS, _events(judged, past, models))


def _lay_out(table: str, rows: pd.DataFrame) -> Rows:
    return table, rows[RESULT_TABLES[table].in_order(map(str, rows))]


def _judged(past: Past, models: Models) -> pd.DataFrame:
    """Add to each window what its connection's last windows say, and what has stood for the connection since when."""
    all_windows = np.arange(len(past.first))
    batches = np.split(all_windows, range(_BATCH, len(all_windows), _BATCH))
    decided = pd.concat([_decided(past, windows, models) for windows in batches], ignore_index=True)
    decisive = decided["decisive"].to_numpy(dtype=object)
    is_first = past.is_first(_is_there(decisive))
    upheld = past.latest(decided["overturns"].to_numpy() | is_first)
    certain = _look(decisive, upheld)
    certain_before, declared = past.before(certain), past.rows["declared_exchange"].to_numpy()
    changed = certain != certain_before
    changed_at, replaced_at = past.latest(changed), past.latest(changed & _is_there(certain_before))
    n_before = all_windows - past.segment_first
    n_messages = WINDOW_SIZE + WINDOW_SLIDE * n_before
    return pd.concat([past.rows, decided], axis=1).assign(
        certain=certain,
        certain_before=certain_before,
        has_news=_is_there(certain) & (changed | (declared != past.before(declared))),
        previous_verdict=_look(certain_before, replaced_at),
        windows=n_before + 1,
        messages=n_messages,
        certain_after_messages=_look(n_messages, past.latest(is_first)),
        **{f"certain_{name}": _look(decided[name], upheld) for name in _OF_DECISION},
        **{f"certain_{name}": _look(decided[name], changed_at) for name in _BEGINNING},
    )


def _decided(past: Past, windows: Int64Array, models: Models) -> pd.DataFrame:
    versions = past.rows["model_version"].to_numpy(dtype=object)[windows]

    def decide(version: str, chosen: Int64Array) -> pd.DataFrame:
        model = models.predictor(version)
        return decision_rows(past.history(windows[chosen], len(model.classes)), model.classes, model.decision_rule)

    return by_version(versions, decide)


_OF_DECISION: Final = ("strength_nats", "probability", "suffix_windows")
_BEGINNING: Final = ("since_at", "since_offset")


def _verdicts(last: pd.DataFrame) -> pd.DataFrame:
    """Lay out a row of `connection_verdicts` for each connection, from its last window."""
    certain, leaning = (last[name].to_numpy(dtype=object) for name in ("certain", "leaning"))
    is_certain, is_likely = _is_there(certain), _is_there(leaning)
    renamed = {"window_end_at": "last_window_end_at", "pooled_signature": "signature"}
    kept = [*OF_WINDOW, "windows", "messages", "certain_after_messages", "previous_verdict", "pooled_signature"]

    def pick(name: str) -> Objects:
        picked: Objects = np.where(is_certain, last[f"certain_{name}"], last[name]).astype(object)
        return picked

    since = {name: pick(name) for name in _BEGINNING}
    for values in since.values():
        values[~is_certain & ~is_likely] = None
    return (
        last[kept]
        .rename(columns=renamed)
        .assign(
            verdict=np.where(is_certain, certain, np.where(is_likely, leaning, UNKNOWN)),
            certainty=np.where(is_certain, CERTAIN, np.where(is_likely, LIKELY, UNDECIDED)),
            strength_nats=pick("strength_nats"),
            probability=pick("probability"),
            **since,
        )
    )


def _events(judged: pd.DataFrame, past: Past, models: Models) -> pd.DataFrame:
    """Lay out a row of `connection_events` wherever what is certain, or what is declared, has changed."""
    has_news = judged["has_news"].to_numpy()
    news = judged[has_news]
    verdicts, declared = (news[name].to_numpy(dtype=object) for name in ("certain", "declared_exchange"))
    is_honest = ~_is_there(declared) | (declared == verdicts)
    is_renewed = (news["certain_before"] == news["certain"]).to_numpy()
    # A verdict that stands dates from its decision; a declaration that changes, from the window that brings it.
    since = {
        "since_at": np.where(is_renewed, news["window_start_at"], news["since_at"]),
        "since_offset": np.where(is_renewed, news["first_offset"], news["since_offset"]),
    }
    versions = news["model_version"].to_numpy(dtype=object)
    texts: Iterable[str | None] = ()
    if len(news):
        texts = explain_scheduled(past.features[has_news], verdicts, declared, versions, models)
    renamed = {"window_end_at": "detected_at", "pooled_signature": "signature"}
    return (
        news[[*OF_WINDOW, "messages", "pooled_signature"]]
        .rename(columns=renamed)
        .assign(
            kind=np.where(verdicts == UNKNOWN, "unknown_venue", np.where(is_honest, "named", "mismatch")),
            previous_verdict=news["certain_before"],
            verdict=verdicts,
            windows=news["certain_suffix_windows"],
            strength_nats=news["certain_strength_nats"],
            probability=news["certain_probability"],
            reasons=np.array([None, *(text and orjson.loads(text) for text in texts)], dtype=object)[1:],
            **since,
        )
    )


def _look(values: Any, at: Int64Array) -> Objects:
    """Take the value at each index, None where that is nowhere."""
    found: Objects = np.asarray(values, dtype=object)[at]
    found[at == NOWHERE] = None
    return found


def _is_there(values: Objects) -> NDArray[np.bool_]:
    return np.array([value is not None for value in values], dtype=np.bool_)
