"""The wheel has everything that an installed command needs, and works without the checkout."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fingerprint_testing.installed_wheel import PACKAGES, build_wheel, install_wheel
from fingerprint_testing.paths import EXAMPLES, GRAFANA, ROOT, SQL
from model.artifact.artifact_folder import load_predictor

PRIVATE = "exchange_fingerprint/_packages/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel"))


def test_the_wheel_has_the_files_that_are_no_code(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    models = {
        f"{PRIVATE}model/{model}/{file}"
        for model in ("trained", "catalogue")
        for file in ("manifest.json", "booster.ubj")
    }
    assert {*models, f"{PRIVATE}model/catalogue/catalogue.json", f"{PRIVATE}stack/java/jars.lock"} <= set(names)
    jars = {f"{PRIVATE}udfs/java/exchange-fingerprint-{name}.jar" for name in ("flink", "kafka")}
    assert {name for name in names if name.startswith(f"{PRIVATE}udfs/java/")} == jars
    in_wheel = {Path(name).name for name in names if "/share/exchange-fingerprint/sql/" in name}
    in_checkout = {path.name for path in SQL.glob("*/*.sql")}
    assert in_wheel == in_checkout
    grafana = {name.partition("/share/exchange-fingerprint/")[2] for name in names if "fingerprint/grafana/" in name}
    assert grafana == {
        str(path.relative_to(ROOT))
        for pattern in ("dashboards/*.json", "provisioning/datasources/*.yaml", "provisioning/alerting/*.yaml")
        for path in GRAFANA.glob(pattern)
    }
    modules = {name.removeprefix(PRIVATE) for name in names if name.endswith(".py")}
    sources = {str(p.relative_to(ROOT)) for package in PACKAGES for p in (ROOT / package).rglob("*.py")}
    assert modules == sources - {"udfs/java/build_jar.py"}


def test_the_wheel_takes_one_name(wheel: Path) -> None:
    folders = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in folders if "-" not in name} == {"exchange_fingerprint"}


@pytest.fixture(scope="module")
def beside_others(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment whose user has modules and packages of all our names."""
    folder = tmp_path_factory.mktemp("installed")
    install_wheel(wheel, folder / "venv")
    for name in PACKAGES[1:]:
        (folder / "own" / name).mkdir(parents=True)
        (folder / "own" / name / "__init__.py").write_text("MINE = True\n")
    (folder / "own" / "jobs.py").write_text("MINE = True\n")
    shutil.rmtree(folder / "own" / "jobs")
    return folder


@pytest.fixture(scope="module")
def run(beside_others: Path) -> Callable[..., str]:
    """Return a function that runs Python in that environment and in the folder of the user's modules."""

    def call(*arguments: str) -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": str(beside_others), "PYTHONPATH": str(beside_others / "own")}
        command = [str(beside_others / "venv" / "bin" / "python"), *arguments]
        done = subprocess.run(
            command, env=environment, cwd=beside_others / "own", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


COMMAND = "import sys; sys.argv[0] = 'fingerprint'; from exchange_fingerprint.command import main; main()"


def test_the_command_runs_beside_modules_of_the_same_names(run: Callable[..., str]) -> None:
    assert run("-c", COMMAND, "--version").startswith("fingerprint ")
    assert "submit" in run("-c", COMMAND, "--help")


@pytest.mark.parametrize("options", [(), ("--model", "catalogue")])
def test_the_command_scores_beside_modules_of_the_same_names(run: Callable[..., str], options: tuple[str, ...]) -> None:
    shown = run("-c", COMMAND, "score", str(EXAMPLES / "kraken-2.jsonl.gz"), "--format", "json", *options)
    scored = json.loads(shown)
    assert (scored["connection_id"], scored["certainty"]) == ("kraken-2", "certain")


def test_python_scores_and_the_names_stay_the_users(run: Callable[..., str], toy_model: Path) -> None:
    program = f"""
import jobs, sys
from exchange_fingerprint import score
found = score({str(EXAMPLES / "kraken-2.jsonl.gz")!r}, declared="kraken")
print(found.exchange, found.reasons["text"][0][:12], len(found.features), found.summary["certainty"])
# A model of one's own is tried in a process of its own.
print(score({str(EXAMPLES / "kraken-2.jsonl.gz")!r}, model={str(toy_model)!r}).windows["model_version"][0])
import model, stack
print(jobs.MINE, model.MINE, stack.MINE, sys.modules["jobs"] is jobs, any("_packages" in entry for entry in sys.path))
"""
    scored, version, mine = run("-c", program).splitlines()
    assert scored.startswith("coinbase the 10th per ")
    assert scored.endswith(" certain")
    assert version == load_predictor(toy_model).model_version
    assert mine == "True True True True False"


def test_our_names_are_nobodys_where_the_user_has_none(run: Callable[..., str]) -> None:
    program = """
import sys
sys.path = [entry for entry in sys.path if not entry.endswith("own") and entry]
import exchange_fingerprint.scoring
try:
    import jobs
except ModuleNotFoundError as error:
    print(error)
"""
    assert run("-c", program) == "No module named 'jobs'\n"


def test_each_package_name_has_one_owner() -> None:
    owners = importlib.metadata.packages_distributions()
    for package in PACKAGES:
        assert set(owners.get(package, ["exchange-fingerprint"])) == {"exchange-fingerprint"}


def test_what_is_found_in_the_checkout_alone_has_the_name_of_nothing_installed() -> None:
    assert not {"grafana", "fingerprint_testing"} & importlib.metadata.packages_distributions().keys()
