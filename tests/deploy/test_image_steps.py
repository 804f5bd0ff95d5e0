"""The steps of the Dockerfile, run one after another in a root file system of their own.

No engine is here. Replaced are the images that it begins with: by this machine's file system, which nothing is written
to, and its Python; Flink's distribution by that of the wheel, with an empty file for the plug-in that the wheel lacks;
Java by this machine's. Both stages share the file system.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from fingerprint_testing.paths import ROOT
from stack.java.flink_wheel import flink_home
from stack.java.runtime import find_java

pytestmark = pytest.mark.slow

DOCKERFILE = (ROOT / "deploy" / "flink" / "Dockerfile").read_text()
TIMEOUT_S = 1500


class Step(NamedTuple):
    """An instruction of the Dockerfile, with its continuation lines."""

    word: str
    rest: str


def steps() -> list[Step]:
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return [Step(*line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


class RootFileSystem:
    """This machine's file system with what is written to it laid over, which is gone afterwards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("upper", "work", "root"):
            (folder / name).mkdir()
        self.variables = {"PATH": f"{Path(sys.base_prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
        self.workdir = "/"
        self.user = "0:0"

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as RUN would."""
        folder, root = shlex.quote(str(self.folder)), shlex.quote(str(self.folder / "root"))
        mounts = f"mount -t overlay overlay -o lowerdir=/,upperdir={folder}/upper,workdir={folder}/work {root}"
        binds = "; ".join(f"mount --rbind /{name} {root}/{name}" for name in ("proc", "dev", "sys"))
        inner = f"cd {shlex.quote(self.workdir)} && {command}"
        script = f"set -e; {mounts}; {binds}; exec chroot --userspec={self.user} {root} /bin/sh -c {shlex.quote(inner)}"
        kept = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_INDEX_URL", "http_proxy", "https_proxy", "no_proxy")
        environment = {name: os.environ[name] for name in kept if name in os.environ} | self.variables
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", script],  # noqa: S607 (of the machine)
            env={**environment, "HOME": "/root"},
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )

    def copy(self, source: Path, target: str) -> None:
        done = self.run(f"mkdir -p {shlex.quote(str(Path(target).parent))} && cp -rH {source} {shlex.quote(target)}")
        assert done.returncode == 0, done.stderr

    def copy_context(self, sources: list[str], target: str) -> None:
        """Copy what an engine is sent: of the checkout, what `.dockerignore` lets through."""
        allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
        for source in allowed if sources == ["."] else sources:
            assert source in allowed
            # The folder's name stays only where the whole context is copied.
            place = f"{target}{source}" if sources == ["."] else f"{target}{Path(source).name}"
            self.copy(ROOT / source, place)

    def follow(self, step: Step) -> None:
        if step.word == "RUN":
            done = self.run(step.rest)
            assert done.returncode == 0, f"{step.rest}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        elif step.word == "ENV":
            for name, value in (word.split("=", 1) for word in shlex.split(step.rest)):
                # Where Debian's tools and this machine's Python are, the image has the official Python.
                self.variables[name] = f"{value}:{self.variables['PATH']}" if name == "PATH" else value
        elif step.word == "COPY":
            words = [word for word in step.rest.split() if not word.startswith("--chown")]
            if words[0] == "--from=flink":
                self.copy_flink(words[1])
            elif not words[0].startswith("--from"):
                self.copy_context(words[:-1], words[-1])
        elif step.word == "WORKDIR":
            self.workdir = step.rest
        elif step.word == "USER":
            self.user = step.rest

    def copy_flink(self, name: str) -> None:
        if name == "/opt/flink":
            self.copy(flink_home(), name)
            version = next((flink_home() / "lib").glob("flink-dist-*.jar")).stem.removeprefix("flink-dist-")
            assert self.run(f"touch {name}/opt/flink-s3-fs-presto-{version}.jar").returncode == 0
        else:
            self.copy(find_java().home, name)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RootFileSystem]:
    """Follow the Dockerfile to its end."""
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("apt-get") is None:
        pytest.skip("only root can make a root file system, with unshare and Debian's apt-get")
    folder = tmp_path_factory.mktemp("image")
    # The account inside passes through.
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)
    image = RootFileSystem(folder)
    probe = image.run("true")
    if probe.returncode != 0:
        pytest.skip(f"no file system can be laid over this machine's: {probe.stderr.strip()}")
    try:
        for step in steps():
            image.follow(step)
        yield image
    finally:
        shutil.rmtree(folder)


def test_it_runs_as_nobody_who_could_change_it(image: RootFileSystem) -> None:
    assert image.user == "9999:9999"
    done = image.run("id -u; find /opt/venv /opt/flink /opt/cache /opt/java -xdev -writable ! -type l | sort")
    assert done.returncode == 0, done.stderr
    uid, *writable = done.stdout.split()
    assert uid == "9999"
    assert writable == [f"/opt/flink/{name}" for name in ("checkpoints", "log", "zookeeper")]


def test_flink_starts_by_the_path_that_kubernetes_is_told(image: RootFileSystem) -> None:
    # As the operator writes it: kubernetes.entry.path, and a script of Flink's for bash.
    done = image.run("/usr/bin/env bash -c 'command -v kubernetes-jobmanager.sh kubernetes-taskmanager.sh'")
    assert done.stdout.split() == [f"/opt/flink/bin/kubernetes-{name}.sh" for name in ("jobmanager", "taskmanager")]
    done = image.run("ls -L lib/exchange-fingerprint-flink.jar plugins/s3-fs-presto/*.jar && java -version")
    assert done.returncode == 0, done.stderr
