"""Recordings in small: as sessions of a dataset, and as files that are read as what was drawn."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from ingest.recordings.capture import read_capture, to_line
from ingest.recordings.neutral_frames import to_neutral_frames
from model.training.dataset import Dataset, Source
from synthetic.behaviour import Profile
from synthetic.generate import generate_session
from udfs.features import FEATURES

DAY_NS = 86_400 * 10**9
START_NS = 1_600_000_000 * 10**9


def make_source(name: str, label: str, *, day: str = "1", family: str = "", sha256: str = "") -> Source:
    return Source(
        name=name, label=label, group=f"r {day}", family=family or label, real=True, sha256=sha256 or f"sha of {name}"
    )


def make_dataset(*sources: Source, empty: tuple[str, ...] = ()) -> Dataset:
    """Make sessions of one window each, but for those whose names are in `empty`."""
    session = [i for i, source in enumerate(sources) if source.name not in empty]
    features = np.zeros((len(session), len(FEATURES)))
    return Dataset(sources=sources, features=features, session=np.array(session, dtype=np.int64))


def write_capture(path: Path, profile: Profile, day: int) -> Path:
    """Write a recording of 200 messages, 7 windows."""
    rng, start_ns = np.random.default_rng(day), START_NS + day * DAY_NS
    session = generate_session(
        profile, rng=rng, start_ns=start_ns, connection_id=path.name, declared_exchange=None, n_messages=200
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb") as file:
        file.writelines(map(to_line, to_neutral_frames(session)))
    read = read_capture(path)
    for column in ("recv_ts_ns", "exchange_ts_ns", "msg_type", "seq"):
        assert getattr(read, column).tolist() == getattr(session, column).tolist()
    return path
