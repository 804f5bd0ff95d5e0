from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from fingerprint_testing.paths import ROOT
from stack.services.flink_options import MetricsPorts
from stack.services.prometheus import build_prometheus, find_prometheus
from stack.settings import StackSettings
from udfs.errors import ConfigError


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="Expected the program prometheus on the PATH, found none: install it"):
        find_prometheus()


def test_a_flink_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="found the one at http://flink:8081: leave out"):
        StackSettings(home=tmp_path, flink="flink:8081", prometheus_port=0)


def test_prometheus_takes_its_configurations(tmp_path: Path, has_prometheus: bool) -> None:
    if not has_prometheus:
        pytest.skip("there is no program promtool, and no apt-get to fetch Debian's")
    service = build_prometheus(tmp_path, 1, MetricsPorts(jobmanager=2, taskmanagers=(3, 4)), find_prometheus())
    service.prepare()
    own = tmp_path / "prometheus" / "prometheus.yml"
    assert f"--config.file={own}" in service.command(0)
    assert all(f'"127.0.0.1:{port}"' in own.read_text() for port in (2, 3, 4))
    for config in (own, ROOT / "deploy" / "prometheus" / "prometheus.yml"):
        promtool = [str(shutil.which("promtool")), "check", "config", str(config)]
        done = subprocess.run(promtool, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
