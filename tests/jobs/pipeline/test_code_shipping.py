"""What a worker gets is enough: it imports only what is shipped, and libraries."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from fingerprint_testing.paths import ROOT
from jobs.pipeline.code_shipping import SHIPPED_PACKAGES


def test_a_worker_needs_no_more_of_ours_than_is_shipped(tmp_path: Path) -> None:
    for package in SHIPPED_PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package)
    script = (
        "import sys, pathlib; import udfs.pandas_udfs;"
        "from model.artifact.artifact_folder import explainer_of, load_predictor;"
        "explainer_of(load_predictor(pathlib.Path('model/trained')));"
        "print(*sorted({m.split('.')[0] for m in sys.modules} & {'synthetic', 'ingest', 'jobs', 'stack'}))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout.strip()) == (0, ""), ran.stderr
