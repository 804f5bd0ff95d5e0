"""The wheel, built from a copy of the checkout and installed into an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Final

from fingerprint_testing.paths import ROOT

PACKAGES: Final = ("exchange_fingerprint", "api", "jobs", "udfs", "synthetic", "ingest", "model", "stack")


def build_wheel(copy: Path, out: Path) -> Path:
    """Build the wheel from a copy, so that the checkout stays clean."""
    for name in (*PACKAGES, "sql", "grafana"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "deploy").mkdir()
    for name in ("pyproject.toml", "README.md", "deploy/wheel_layout.py"):
        shutil.copy(ROOT / name, copy / name)
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=copy, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def install_wheel(wheel: Path, folder: Path) -> Path:
    """Install it into a new environment that has the libraries of this one; return the environment's Python.

    The checkout, which is installed here in editable form, stays unknown there: its own .pth file is not read.
    """
    venv.create(folder)
    (site,) = (folder / "lib").glob("python*/site-packages")
    python = folder / "bin" / "python"
    installer = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*installer, str(wheel)], check=True, capture_output=True)
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return python
