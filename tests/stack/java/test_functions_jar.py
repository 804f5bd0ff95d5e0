"""The job's Java functions come with the project."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from jobs.pipeline.queries import JAVA_FUNCTIONS
from jobs.pipeline.tables import DRIVER
from stack.java import functions_jar as functions
from stack.java.flink_wheel import python_jar
from stack.java.functions_jar import functions_jar
from udfs.errors import ArtifactError


def test_the_jar_has_what_sql_names() -> None:
    with zipfile.ZipFile(functions_jar()) as jar:
        names = set(jar.namelist())
    assert {f"{name.replace('.', '/')}.class" for name in (*JAVA_FUNCTIONS.values(), DRIVER)} <= names
    assert "META-INF/services/org.apache.flink.table.factories.Factory" in names


def test_the_jar_has_what_stands_in_for_beam() -> None:
    with zipfile.ZipFile(functions_jar()) as ours, zipfile.ZipFile(python_jar()) as theirs:
        shared = {name for name in ours.namelist() if name.endswith(".class")} & set(theirs.namelist())
    assert {name.rpartition("/")[2] for name in shared} == {"ServerFactory.class", "ArtifactRetrievalService.class"}


def test_a_missing_jar_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "FUNCTIONS_JAR", tmp_path / "none.jar")
    with pytest.raises(ArtifactError, match=r"Java functions in .*none\.jar, found none: reinstall"):
        functions_jar()
