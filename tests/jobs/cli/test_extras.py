"""What an installation without extras can do, and what it says of a command that needs one."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from fingerprint_testing.paths import ROOT
from jobs.cli.main import _PANELS

OPTIONAL = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
PINS = [pin for name, pins in OPTIONAL.items() if name != "all" for pin in pins]
# As if the packages were not installed: neither found nor imported, in child processes too.
HIDE = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {packages!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
"""
EXTRAS = {pin.partition("==")[0].replace("-", "_") for pin in PINS} | {"starlette"}
RUN = "from jobs.cli.main import main; main()"
NEEDS = {
    "api": ["serve"],
    "local": ["up", "psql"],
    "reports": ["chaos", "soak --out soak", "evaluate --captures examples/recordings --out report"],
}


def run(code: str, tmp_path: Path, *arguments: str, without: set[str] = EXTRAS) -> subprocess.CompletedProcess[str]:
    (tmp_path / "sitecustomize.py").write_text(HIDE.format(packages=without))
    settings = {"PYTHONPATH": str(tmp_path), "FINGERPRINT_HOME": str(tmp_path), "FINGERPRINT_ALLOW_ROOT": "1"}
    if "psql" in arguments:
        settings["DATABASE_URL"] = "postgresql://ann@localhost:1/x"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, **settings, "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(("extra", "command"), [(extra, one) for extra, commands in NEEDS.items() for one in commands])
def test_a_command_without_its_extra_says_which_it_needs(extra: str, command: str, tmp_path: Path) -> None:
    done = run(RUN, tmp_path, *command.split())
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"Error: Expected the extra `{extra}`, which this needs, found no Python package " in done.stderr
    assert f"`pip install '.[{extra}]'`" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_screen_of_watch_needs_its_extra(tmp_path: Path) -> None:
    code = "from jobs.cli.main import _without_extra\ntry:\n    import jobs.results.watch.screen\n"
    done = run(code + "except ModuleNotFoundError as error:\n    print(_without_extra(error))", tmp_path)
    assert done.stdout.startswith("Expected the extra `watch`")


def test_all_other_commands_are_imported_without_extras(tmp_path: Path) -> None:
    of_reports = {"chaos", "soak"}  # which draw at their end
    names = [
        f"jobs.cli.{folder}.{name}"
        for folder, panel in _PANELS.items()
        for name in panel.commands
        if name not in of_reports
    ]
    done = run(f"import {', '.join([*names, 'exchange_fingerprint', 'jobs.score_windows'])}", tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_recording_is_scored_without_extras(tmp_path: Path) -> None:
    done = run(RUN, tmp_path, "score", "examples/recordings/kraken-2.jsonl.gz", "--format", "json")
    assert done.returncode == 0, done.stderr


def test_doctor_takes_no_offence_at_a_missing_extra(tmp_path: Path) -> None:
    found = run("from jobs.doctor.installation_checks import check_postgres; print(check_postgres())", tmp_path)
    assert "Level.WARNING" in found.stdout
    assert "`local`" in found.stdout


def test_another_module_that_is_missing_is_a_bug(tmp_path: Path) -> None:
    done = run(RUN, tmp_path, "score", "examples/recordings/kraken-2.jsonl.gz", without={"xgboost"})
    assert "ModuleNotFoundError" in done.stderr
