"""The image that cannot be built without an engine: lint, sources, versions and Flink's settings."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pyflink
import pytest
import yaml

from fingerprint_testing.paths import ROOT
from stack.java.functions_jar import FUNCTIONS_JAR

FOLDER = ROOT / "deploy" / "flink"
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
CONFIG = yaml.safe_load((FOLDER / "config.yaml").read_text())
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ALLOWED = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]


def test_passes_hadolint() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, FOLDER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_copies_files_that_exist_and_are_sent_to_the_engine() -> None:
    sources = [
        source
        for arguments in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for source in arguments.split()[:-1]
        if not source.startswith("--") and source != "."
    ]
    assert sources
    for source in sources:
        assert (ROOT / source).is_file()
        assert source in ALLOWED


def test_the_engine_gets_all_that_the_wheel_is_made_of_and_nothing_private() -> None:
    packages = {pattern.partition(".")[0] for pattern in PYPROJECT["tool"]["setuptools"]["packages"]["find"]["include"]}
    readme = PYPROJECT["project"]["readme"]
    assert packages | {"sql", readme, "pyproject.toml", "requirements.lock", "requirements-build.lock"} <= set(ALLOWED)
    assert (ROOT / ".dockerignore").read_text().startswith("*\n")
    assert not any(fnmatch.fnmatch(".env", pattern) for pattern in ALLOWED)


def test_flink_and_python_are_the_locked_ones() -> None:
    (flink,) = re.findall(r"^FROM flink:([\d.]+)-scala_2.12-java17", DOCKERFILE, re.MULTILINE)
    assert f"apache-flink=={flink}" in PYPROJECT["project"]["dependencies"]
    pythons = set(re.findall(r"^FROM python:(\d+\.\d+\.\d+)-", DOCKERFILE, re.MULTILINE))
    assert len(pythons) == 1
    assert pythons.pop().startswith("3.11.")
    assert PYPROJECT["project"]["requires-python"] == ">=3.11,<3.12"
    assert "--require-hashes --requirement /build/requirements.lock" in DOCKERFILE


def test_flink_keeps_the_module_options_that_it_ships_with() -> None:
    shipped = yaml.safe_load((Path(pyflink.__file__).parent / "conf" / "config.yaml").read_text())
    assert CONFIG["env.java.opts.all"] == shipped["env"]["java"]["opts"]["all"]


def test_flink_uses_the_python_of_the_image() -> None:
    assert CONFIG["python.executable"] == CONFIG["python.client.executable"] == "/opt/venv/bin/python"
    assert "python -m venv /opt/venv" in DOCKERFILE
    assert "PATH=/opt/venv/bin:" in DOCKERFILE


def test_checkpoints_and_the_list_of_jobs_lie_in_folders_of_the_image() -> None:
    (workdir,) = re.findall(r"^WORKDIR (.*)$", DOCKERFILE, re.MULTILINE)
    ((checkpoints, jobs),) = re.findall(r"^RUN install --directory .* (\w+) (\w+) log ", DOCKERFILE, re.MULTILINE)
    assert CONFIG["execution.checkpointing.dir"] == f"file://{workdir}/{checkpoints}"
    assert f"dataDir={workdir}/{jobs}\n" in (FOLDER / "zoo.cfg").read_text()


def test_every_port_of_flink_has_a_number_and_is_named() -> None:
    names = ("rest.port", "jobmanager.rpc.port", "high-availability.jobmanager.port", "blob.server.port")
    names += ("taskmanager.data.port", "taskmanager.rpc.port", "metrics.internal.query-service.port")
    (exposed,) = re.findall(r"^EXPOSE (.*)$", DOCKERFILE, re.MULTILINE)
    assert {str(CONFIG[name]) for name in (*names, "metrics.reporter.prom.port")} == set(exposed.split())


def test_flink_has_our_jar_on_its_class_path() -> None:
    (linked,) = re.findall(
        r"ln -s /opt/venv/lib/python3\.11/site-packages/exchange_fingerprint/_packages/(\S+) lib/", DOCKERFILE
    )
    assert ROOT / linked == FUNCTIONS_JAR


def test_what_builds_is_locked_too() -> None:
    lock = (ROOT / "requirements-build.lock").read_text()
    assert PYPROJECT["build-system"]["requires"] == re.findall(r"^([\w.=-]+) \\$", lock, re.MULTILINE)
    assert "--hash=sha256:" in lock
    assert "--require-hashes --requirement /build/requirements-build.lock" in DOCKERFILE
    installs = re.findall(r"pip install (.*?)(?: \\)?$", DOCKERFILE, re.MULTILINE)
    assert installs
    for options in installs:
        assert "requirements-build.lock" in options or "--no-build-isolation" in options
        assert "--require-hashes" in options or options.endswith("--no-deps /build")


def last_stage() -> str:
    return DOCKERFILE.rpartition("\nFROM ")[2]


def test_code_belongs_to_root_and_runs_as_somebody_else() -> None:
    stage = last_stage()
    users = re.findall(r"^USER (.*)$", stage, re.MULTILINE)
    assert users == ["9999:9999"]
    assert stage.index("USER 9999") > max(
        stage.index(word) for word in ("RUN install", "apt-get", stage.split("COPY")[-1])
    )
    owners = re.findall(r"^COPY .*--chown=(\S+)", stage, re.MULTILINE)
    assert set(owners) <= {"root:root"}
    assert re.findall(r"--owner=flink .*--mode=(\d+)", stage) == ["0700"]


@pytest.mark.parametrize(("architecture", "code"), [("amd64", 0), ("", 0), ("arm64", 1)])
def test_builds_for_amd64_only_and_says_so(architecture: str, code: int) -> None:
    (check,) = re.findall(r"^RUN (\[ .*TARGETARCH.*)$", DOCKERFILE, re.MULTILINE)
    environment = {"TARGETARCH": architecture}
    done = subprocess.run(["/bin/sh", "-c", check], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (code, code)
