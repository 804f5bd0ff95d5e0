"""The locks that the launcher installs name what pyproject.toml pins, with hashes and without hosts."""

from __future__ import annotations

import re
import tomllib

import pytest

from fingerprint_testing.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
RUNTIME = [
    *PROJECT["project"]["dependencies"],
    *(pin for name, pins in EXTRAS.items() if name not in ("all", "java") for pin in pins),
]
PINS = {
    "requirements.lock": RUNTIME,
    "requirements-dev.lock": [*RUNTIME, *PROJECT["dependency-groups"]["dev"]],
    "requirements-java.lock": EXTRAS["java"],
}


def locked(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", PINS)
def test_a_lock_names_what_the_project_pins(name: str) -> None:
    found = locked(name)
    wanted = dict(pin.lower().split("==") for pin in PINS[name])
    assert {package: found.get(package) for package in wanted} == wanted


@pytest.mark.parametrize("name", [*PINS, "requirements-uv.lock"])
def test_a_lock_has_hashes_and_no_hosts(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert all("--hash=sha256:" in entry for entry in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:])


def test_the_development_lock_contains_the_runtime_lock() -> None:
    assert locked("requirements.lock").items() <= locked("requirements-dev.lock").items()
