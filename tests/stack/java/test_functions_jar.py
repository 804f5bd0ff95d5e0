"""The job's Java functions come with the project."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from jobs.pipeline.queries import JAVA_FUNCTIONS
from jobs.pipeline.tables import DRIVER
from stack.java import functions_jar as functions
from stack.java.flink_wheel import python_jar
from stack.java.functions_jar import functions_jar, job_jars
from stack.java.jars import ensure_jars
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


def test_what_stands_in_for_the_connectors_class_is_in_the_jar_that_only_jobs_have() -> None:
    """Flink takes classes of its own packages from its own class path first, and the connector is not on that."""
    ours, connectors = job_jars()
    with zipfile.ZipFile(ours) as jar:
        assert not [name for name in jar.namelist() if name.startswith("org/apache/flink/kafka/")]
    with zipfile.ZipFile(connectors) as jar:
        (replaced,) = jar.namelist()
    connector = next(path for path in ensure_jars("flink", lambda _line: None) if "connector-kafka" in path.name)
    with zipfile.ZipFile(connector) as jar:
        assert replaced in jar.namelist()
