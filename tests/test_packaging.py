"""The wheel has everything that an installed command needs, and works without the checkout."""

from __future__ import annotations

import gzip
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fingerprint_testing.paths import GRAFANA, ROOT, SQL

PACKAGES = ("exchange_fingerprint", "api", "jobs", "udfs", "synthetic", "ingest", "model", "stack")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, so that the checkout stays clean."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in (*PACKAGES, "sql", "grafana"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy)
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=copy, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_the_wheel_has_the_files_that_are_no_code(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    models = {
        f"model/{model}/{file}" for model in ("trained", "catalogue") for file in ("manifest.json", "booster.ubj")
    }
    assert {*models, "model/catalogue/catalogue.json", "stack/java/jars.lock"} <= set(names)
    jars = {f"udfs/java/exchange-fingerprint-{name}.jar" for name in ("flink", "kafka")}
    assert {name for name in names if name.startswith("udfs/java/")} == jars
    in_wheel = {Path(name).name for name in names if "/share/exchange-fingerprint/sql/" in name}
    in_checkout = {path.name for path in SQL.glob("*/*.sql")}
    assert in_wheel == in_checkout
    grafana = {name.partition("/share/exchange-fingerprint/")[2] for name in names if "fingerprint/grafana/" in name}
    assert grafana == {
        str(path.relative_to(ROOT))
        for pattern in ("dashboards/*.json", "provisioning/datasources/*.yaml", "provisioning/alerting/*.yaml")
        for path in GRAFANA.glob(pattern)
    }
    modules = {name for name in names if name.endswith(".py")}
    sources = {str(p.relative_to(ROOT)) for package in PACKAGES for p in (ROOT / package).rglob("*.py")}
    assert modules == sources - {"udfs/java/build_jar.py"}


@pytest.mark.parametrize("options", [(), ("--model", "catalogue")])
def test_the_installed_command_scores(wheel: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    frames = ({"ts_ns": 10**18 + i * 10**7, "dir": "recv", "frame": '{"event":"heartbeat"}'} for i in range(60))
    with gzip.open(tmp_path / "beats.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(frame) + "\n" for frame in frames)
    run = "import sys, jobs; from jobs.cli.main import main; print(jobs.__file__, file=sys.stderr); main()"
    done = subprocess.run(
        [sys.executable, "-c", run, "score", "beats.jsonl.gz", "--format", "json", *options],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(tmp_path / "site" / "jobs") in done.stderr
    assert json.loads(done.stdout)["windows"] == 1


def test_each_package_name_has_one_owner() -> None:
    owners = importlib.metadata.packages_distributions()
    for package in PACKAGES:
        assert set(owners.get(package, ["exchange-fingerprint"])) == {"exchange-fingerprint"}


def test_what_is_found_in_the_checkout_alone_has_the_name_of_nothing_installed() -> None:
    assert not {"grafana", "fingerprint_testing"} & importlib.metadata.packages_distributions().keys()
