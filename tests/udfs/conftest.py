"""Fixtures for functions of a worker."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture
def state_sampler(monkeypatch: pytest.MonkeyPatch) -> type:
    """Return Beam's class, and leave it as it was."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what Beam imports
        from apache_beam.runners.worker.statesampler import StateSampler
    for name in ("start", "stop"):
        monkeypatch.setattr(StateSampler, name, getattr(StateSampler, name))
    found: type = StateSampler
    return found


@pytest.fixture
def pyflink_bundles(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave how PyFlink reads and writes bundles as it was."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what Beam imports
        from pyflink.fn_execution.coders import coder_impl
        from pyflink.fn_execution.ResettableIO import ResettableIO
    for name in ("arrow_to_pandas", "pandas_to_arrow"):
        monkeypatch.setattr(coder_impl, name, getattr(coder_impl, name))
    yield
    if "read" in vars(ResettableIO):
        del ResettableIO.read
