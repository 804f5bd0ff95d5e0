"""Editors and `pre-commit` go by the same rules as `fingerprint test`."""

from __future__ import annotations

import shlex

import pytest
import yaml

from fingerprint_testing.paths import FOLDERS, ROOT
from jobs.cli.start.test import STATIC_CHECKS

WRITTEN_BY_HAND = (".java", ".md", ".py", ".sql", ".toml", ".yaml", ".yml", ".j2")


def test_the_hooks_of_pre_commit_are_the_static_checks() -> None:
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local"
    hooks = [(hook["name"], tuple(shlex.split(hook["entry"]))) for hook in local["hooks"]]
    assert hooks == [(what, (f".venv/bin/{command[0]}", *command[1:])) for what, command in STATIC_CHECKS]


def test_each_hook_of_pre_commit_checks_the_whole_project() -> None:
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in local["hooks"]:
        assert (hook["language"], hook["always_run"], hook["pass_filenames"]) == ("system", True, False)
    assert len({hook["id"] for hook in local["hooks"]}) == len(STATIC_CHECKS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_files_are_as_editorconfig_wants_them(folder: str) -> None:
    paths = [path for path in (ROOT / folder).rglob("*") if path.suffix in WRITTEN_BY_HAND]
    assert paths
    for path in paths:
        text = path.read_bytes().decode("utf-8")
        assert not text or text.endswith("\n"), f"{path} has no newline at its end"
        assert "\r" not in text, f"{path} has a line that ends with CR"
        assert not any(line.startswith("\t") for line in text.split("\n")), f"{path} is indented with tabs"
        assert not any(line != line.rstrip(" \t") for line in text.split("\n")), f"{path} has a space at a line's end"
