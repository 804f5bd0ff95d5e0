"""Labelled sessions as training material: features of their windows, with the session each window came from.

A session is never split: whatever is divided is divided by `group`, so that overlapping windows of one connection, or
two connections of one recording day, are never on both sides.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.capture import read_capture
from synthetic.sessions import synthetic_sessions
from udfs.errors import SchemaError
from udfs.features import FEATURES, compute_features
from udfs.schema import EXCHANGES, Float64Array, Session
from udfs.windows import session_windows

_RECORDERS = {"spot": "hftbacktest", "usdm": "hftbacktest", "kraken": "crossbook"}
"""Who recorded a capture, by the first word of its name; every other name is cryptofeed's."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a session's windows came from.

    Attributes
    ----------
    name : str
        File or connection.
    label : str
        The exchange, or `unknown`.
    group : str
        Sessions of one group are always on the same side of a split.
    real : bool
        A recording, not synthetic.
    sha256 : str
        Of the file's bytes, or of the synthetic session's columns.
    """

    name: str
    label: str
    group: str
    real: bool
    sha256: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Features of many sessions' windows.

    Attributes
    ----------
    sources : sequence of Source
        One a session.
    features : (n_windows, n_features) float64
    session : (n_windows,) int64
        Index into `sources`.
    """

    sources: Sequence[Source]
    features: Float64Array
    session: NDArray[np.int64]

    @property
    def window_labels(self) -> NDArray[np.str_]:
        """The label of each window's session."""
        return np.array([source.label for source in self.sources])[self.session]

    def without_groups(self, left_out: Collection[str]) -> Dataset:
        """Take the sessions of all other groups."""
        kept = [i for i, source in enumerate(self.sources) if source.group not in left_out]
        rows = np.isin(self.session, kept)
        return Dataset(
            sources=[self.sources[i] for i in kept],
            features=self.features[rows],
            session=np.searchsorted(kept, self.session[rows]),
        )


def build_dataset(sessions: Iterable[tuple[Source, Session]]) -> Dataset:
    """Compute the features of every session's windows, one session at a time."""
    sources: list[Source] = []
    features: list[Float64Array] = [np.empty((0, len(FEATURES)))]
    for source, session in sessions:
        sources.append(source)
        features.append(compute_features(session_windows(session)))
    lengths = [len(rows) for rows in features[1:]]
    return Dataset(
        sources=sources,
        features=np.concatenate(features),
        session=np.repeat(np.arange(len(sources)), lengths),
    )


def read_labelled_captures(folder: Path, progress: Callable[[str], None]) -> Iterable[tuple[Source, Session]]:
    """Read every capture that `index.csv` in `folder` lists with its label.

    Raises
    ------
    SchemaError
        If the index is missing or lacks a column.
    """
    index = folder / "index.csv"
    try:
        with index.open(newline="") as file:
            entries = [(row["file"], row["label"]) for row in csv.DictReader(file)]
    except (OSError, KeyError) as error:
        raise SchemaError(
            f"Expected {index} to list the captures with columns file and label, but reading it gave {error!r}: "
            "correct it, or train without --captures"
        ) from error
    for name, label in entries:
        progress(name)
        session = read_capture(folder / name)
        sha256 = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        yield Source(name=name, label=label, group=_capture_group(name, session), real=True, sha256=sha256), session


def _capture_group(name: str, session: Session) -> str:
    """Name the recorder and the UTC day: two files of the same are never split."""
    stem = Path(name).name
    recorder = _RECORDERS.get(stem.split("_")[0], "cryptofeed")
    day = datetime.fromtimestamp(int(session.recv_ts_ns[0]) / 1e9, tz=UTC).date()
    return f"{recorder} {day}"


def draw_labelled_synthetic(*, per_exchange: int, n_messages: int, seed: int) -> Iterable[tuple[Source, Session]]:
    """Draw synthetic sessions of every exchange, each a group of its own."""
    drawn = synthetic_sessions(
        exchanges=EXCHANGES, per_exchange=per_exchange, seed=seed, start_ns=0, n_messages=n_messages
    )
    for labelled in drawn:
        session = labelled.session
        sha256 = hashlib.sha256(session.recv_ts_ns.tobytes() + session.msg_type.tobytes()).hexdigest()
        name = f"synthetic {seed} {session.connection_id}"
        yield Source(name=name, label=labelled.exchange, group=name, real=False, sha256=sha256), session
