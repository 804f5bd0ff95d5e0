"""The example that reads the views with pandas, run as the documents print it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image

from fingerprint_testing.paths import ROOT


def test_it_prints_connections_and_plots_their_windows(
    insert: Callable[..., None], window: Any, verdict: Any, database_url: str, tmp_path: Path
) -> None:
    at = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
    scored = {"probabilities": {"kraken": 0.9, "unknown": 0.1}, "window_end_at": at}
    insert(
        [
            window(connection_id="honest", last_offset=49, **scored),
            window(connection_id="honest", last_offset=74, **scored),
            verdict(connection_id="honest", windows=2),
        ]
    )
    done = subprocess.run(
        [sys.executable, ROOT / "docs/examples/plot_results.py", tmp_path / "results.png"],
        env=os.environ | {"DATABASE_URL": database_url, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=True,
    )
    header, row = done.stdout.splitlines()
    assert header.split() == ["connection_id", "declared_exchange", "detected_exchange", "certainty", "windows"]
    assert row.split() == ["honest", "kraken", "kraken", "certain", "2"]
    with Image.open(tmp_path / "results.png") as picture:
        assert picture.size == (800, 400)
