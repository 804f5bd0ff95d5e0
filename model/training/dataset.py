"""Labelled sessions as training material: features of their windows, with the session each window came from.

A session is never split: whatever is divided is divided by `group`, so that overlapping windows of one connection, or
two connections of one recording day, are never on both sides.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.recordings.capture import read_capture
from ingest.recordings.damage import log_damage
from ingest.recordings.reading import Reading
from synthetic.jitter import add_jitter
from synthetic.open_world.unknown_venues import unknown_venue_sessions
from synthetic.sessions import LabelledSession, synthetic_sessions
from udfs.errors import ConfigError, SchemaError
from udfs.features import FEATURES, compute_features
from udfs.schema import EXCHANGES, MISSING, UNKNOWN, Float64Array, Session
from udfs.windows import session_windows

_RECORDERS = {"spot": "hftbacktest", "usdm": "hftbacktest", "kraken": "crossbook"}
"""Who recorded a capture, by the first word of its name; every other name with a double underscore is cryptofeed's, and
the rest is our own recorder's."""

_FAMILIES = {"OKEX": "OKX", "OKCOIN": "OKX"}
"""Venues of another name with the same engine; FTX and FTX_US are one by their first word."""


JITTER_RANGE_S = (0.00005, 0.01)
"""From nothing to twice the worst of `synthetic.jitter.JITTER_MEDIANS_S`."""


START_NS = 1_700_000_000_000_000_000
"""When synthetic sessions begin: a time at which a number that is a clock looks like one."""


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
    family : str
        Venues that run the same engine are one family; an unknown venue is left out with its whole family.
    real : bool
        A recording, not synthetic.
    sha256 : str
        Of the file's bytes, or of the synthetic session's columns.
    """

    name: str
    label: str
    group: str
    family: str
    real: bool
    sha256: str


LabelledCapture = tuple[Source, Session]


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
    def labels(self) -> NDArray[np.str_]:
        """The label of each session."""
        return np.array([source.label for source in self.sources], dtype=np.str_)

    @property
    def window_labels(self) -> NDArray[np.str_]:
        """The label of each window's session."""
        return self.labels[self.session]

    def take(self, kept: NDArray[np.bool_]) -> Dataset:
        """Take the sessions where `kept`, one bool a session, is true, with all of their windows."""
        numbers = np.flatnonzero(kept)
        rows = kept[self.session]
        return Dataset(
            sources=[self.sources[i] for i in numbers],
            features=self.features[rows],
            session=np.searchsorted(numbers, self.session[rows]),
        )


def concatenate(datasets: Sequence[Dataset]) -> Dataset:
    """Put datasets one behind the other."""
    offsets = np.cumsum([0, *(len(dataset.sources) for dataset in datasets)])
    return Dataset(
        sources=[source for dataset in datasets for source in dataset.sources],
        features=np.concatenate([dataset.features for dataset in datasets]),
        session=np.concatenate([d.session + offset for d, offset in zip(datasets, offsets, strict=False)]),
    )


def build_dataset(
    sessions: Iterable[tuple[Source, Session]], *, most_windows: int | None = None, seed: int = 0
) -> Dataset:
    """Compute the features of every session's windows, one session at a time.

    With `most_windows`, a session that has more gives so many, drawn by `seed` from its whole life and in their order:
    to train on, but not to add up.
    """
    rng = np.random.default_rng(seed)
    sources: list[Source] = []
    features: list[Float64Array] = [np.empty((0, len(FEATURES)))]
    for source, session in sessions:
        windows = session_windows(session)
        if most_windows is not None and len(windows) > most_windows:
            windows = windows.take(np.sort(rng.choice(len(windows), most_windows, replace=False)))
        sources.append(source)
        features.append(compute_features(windows))
    lengths = [len(rows) for rows in features[1:]]
    return Dataset(
        sources=sources,
        features=np.concatenate(features),
        session=np.repeat(np.arange(len(sources)), lengths),
    )


def read_labelled_captures(
    folder: Path, progress: Callable[[str], None], reading: Reading | None = None
) -> Iterable[LabelledCapture]:
    """Read every capture that `index.csv` in `folder` lists with its label.

    Raises
    ------
    SchemaError
        If the index is missing or lacks a column.
    PipelineError
        If a capture cannot be read and there is no `reading` to leave it out.
    """
    index = folder / "index.csv"
    try:
        with index.open(newline="") as file:
            entries = [
                (row["file"], row["label"], row.get("family") or family_of(row.get("market") or Path(row["file"]).name))
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError) as error:
        raise SchemaError(
            f"Expected {index} to list the captures with columns file and label, found {error!r}: "
            "correct it, or train without --captures"
        ) from error
    for name, label, family in entries:
        progress(name)
        family = family if label == UNKNOWN else label
        yield from _read_labelled([folder / name], reading, name=name, label=label, family=family)


def read_recordings_of(
    label: str,
    recordings: Sequence[Sequence[Path]],
    progress: Callable[[str], None],
    reading: Reading | None = None,
) -> Iterable[LabelledCapture]:
    """Read recordings of one venue, each as the files that it is in; named as they would be in a labelled folder.

    Errors as in `read_labelled_captures`.
    """
    for files in recordings:
        progress(files[0].name)
        yield from _read_labelled(files, reading, name=f"{label}/{files[0].name}", label=label, family=label)


def _read_labelled(
    files: Sequence[Path], reading: Reading | None, *, name: str, label: str, family: str
) -> Iterator[LabelledCapture]:
    try:
        session = read_capture(files, tell=log_damage if reading is None else reading.tell)
    except (ConfigError, SchemaError) as error:
        if reading is None:
            raise
        reading.skip(error)
        return
    group = _capture_group(name, session)
    yield Source(name=name, label=label, group=group, family=family, real=True, sha256=_sha256(files)), session


def _sha256(files: Sequence[Path]) -> str:
    """Hash what the files hold, one behind the other."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while chunk := file.read(2**20):
                digest.update(chunk)
    return digest.hexdigest()


def family_of(venue: str) -> str:
    """Name an unknown venue's family by the first word of the venue, or of the file, where the index does not say it.

    >>> family_of("OKEX__2021-04-17__1.jsonl.gz"), family_of("ftx_us")
    ('OKX', 'FTX')
    """
    word = venue.split("_")[0].upper()
    return _FAMILIES.get(word, word)


def _capture_group(name: str, session: Session) -> str:
    """Name the recorder and the UTC day: two files of the same are never split."""
    stem = Path(name).name
    recorder = _RECORDERS.get(stem.split("_")[0], "cryptofeed" if "__" in stem else "fingerprint")
    day = datetime.fromtimestamp(int(session.recv_ts_ns[0]) / 1e9, tz=UTC).date()
    return f"{recorder} {day}"


def draw_labelled_synthetic(
    *, per_exchange: int, n_messages: int, seed: int, rate_factor: float = 1.0
) -> Iterable[tuple[Source, Session]]:
    """Draw synthetic sessions of every exchange, each a group of its own."""
    drawn = synthetic_sessions(
        exchanges=EXCHANGES,
        per_exchange=per_exchange,
        seed=seed,
        start_ns=START_NS,
        n_messages=n_messages,
        rate_factor=rate_factor,
    )
    return ((_synthetic_source(labelled, seed), labelled.session) for labelled in drawn)


def draw_labelled_unknown_venues(*, n: int, n_messages: int, seed: int) -> Iterable[tuple[Source, Session]]:
    """Draw synthetic sessions of venues that do not exist, each a group and a family of its own."""
    drawn = unknown_venue_sessions(n=n, seed=seed, start_ns=START_NS, n_messages=n_messages)
    return ((_synthetic_source(labelled, seed), labelled.session) for labelled in drawn)


def jitter_every_second(sessions: Iterable[tuple[Source, Session]], seed: int) -> Iterable[tuple[Source, Session]]:
    """Put every second session behind a worse network, so that a model does not take a quiet one for identity.

    Trained without it, 11 connections of 100 were lost where messages came a median of 5 ms late.
    """
    rng = np.random.default_rng((seed, len(JITTER_RANGE_S)))
    for i, (source, session) in enumerate(sessions):
        median_s = float(np.exp(rng.uniform(*np.log(JITTER_RANGE_S))))
        yield source, add_jitter(session, rng=rng, median_s=median_s) if i % 2 else session


def hide_sizes_of_every_tenth(sessions: Iterable[tuple[Source, Session]]) -> Iterable[tuple[Source, Session]]:
    """Take the sizes from every tenth session, so that a model bears a feed that comes without them."""
    for i, (source, session) in enumerate(sessions):
        if i % 10 == 9:
            session = replace(session, payload_bytes=np.full(len(session), MISSING, dtype=np.int64))
        yield source, session


def _synthetic_source(labelled: LabelledSession, seed: int) -> Source:
    session = labelled.session
    sha256 = hashlib.sha256(session.recv_ts_ns.tobytes() + session.msg_type.tobytes()).hexdigest()
    name = f"synthetic {seed} {session.connection_id}"
    return Source(name=name, label=labelled.exchange, group=name, family=labelled.profile, real=False, sha256=sha256)
