"""Fixtures for functions of a worker."""

from __future__ import annotations

import warnings

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
