"""The job's Java functions come with the project."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from jobs.pipeline import java_functions as functions
from jobs.pipeline.java_functions import functions_jar
from jobs.pipeline.queries import JAVA_FUNCTIONS
from jobs.pipeline.tables import DRIVER
from udfs.errors import ArtifactError


def test_the_jar_has_what_sql_names() -> None:
    with zipfile.ZipFile(functions_jar()) as jar:
        names = set(jar.namelist())
    assert {f"{name.replace('.', '/')}.class" for name in (*JAVA_FUNCTIONS.values(), DRIVER)} <= names
    assert "META-INF/services/org.apache.flink.table.factories.Factory" in names


def test_a_missing_jar_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "FUNCTIONS_JAR", tmp_path / "none.jar")
    with pytest.raises(ArtifactError, match=r"Java functions in .*none\.jar, found none: reinstall"):
        functions_jar()
