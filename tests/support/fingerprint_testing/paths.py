"""Where the checkout's files are, and the recordings that are no part of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
GRAFANA: Final = ROOT / "grafana"
SQL: Final = ROOT / "sql"
BENCHMARKS: Final = ROOT / "tests" / "benchmarks"
EXAMPLES: Final = ROOT / "examples" / "recordings"

CAPTURES: Final = Path(os.environ.get("FINGERPRINT_CAPTURES") or ROOT.parent / "shared" / "captures")
ORDER_LOGS: Final = Path(os.environ.get("FINGERPRINT_ORDER_LOGS") or ROOT.parent / "shared" / "order_logs")

FOLDERS = (
    "api",
    "deploy",
    "docs",
    "exchange_fingerprint",
    "grafana",
    "ingest",
    "jobs",
    "model",
    "sql",
    "stack",
    "synthetic",
    "tests",
    "udfs",
)
"""Of the checkout, with what people wrote by hand."""
