"""Import this to find `fingerprint_testing`: a benchmark is run by hand, without pytest and its path."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "support"))
