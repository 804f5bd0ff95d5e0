"""Marks that several test modules need."""

from __future__ import annotations

import pytest

from fingerprint_testing.paths import CAPTURES

needs_captures = pytest.mark.skipif(
    not (CAPTURES / "index.csv").is_file(), reason="FINGERPRINT_CAPTURES names no folder with recordings and index.csv"
)
