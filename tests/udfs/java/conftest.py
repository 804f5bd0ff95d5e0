"""The script that makes the jar, and the Java tests compiled by it."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from stack.java.flink_wheel import flink_jars, prometheus_jar, python_jar
from stack.java.jars import ensure_jars
from stack.java.runtime import find_java

JAVA = Path(__file__).parents[3] / "udfs" / "java"

RunJava = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def build_jar() -> ModuleType:
    """Return the module `build_jar.py`, which is in no package."""
    spec = importlib.util.spec_from_file_location("build_jar", JAVA / "build_jar.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def java_test_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the compiled tests."""
    return tmp_path_factory.mktemp("test-classes")


@pytest.fixture(scope="session")
def run_java(build_jar: ModuleType, java_test_classes: Path) -> RunJava:
    """Compile `src/test/java` against the jar that comes with the project; return what runs a class of it."""
    fetched = [path for name in ("flink", "development") for path in ensure_jars(name, lambda _line: None)]
    libraries = [*fetched, *flink_jars(), python_jar(), prometheus_jar()]
    class_path = [build_jar.FUNCTIONS_JAR, build_jar.CONNECTOR_JAR, *libraries]
    build_jar.compile_java(JAVA / "src" / "test" / "java", java_test_classes, class_path)

    def run(name: str, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        command = [
            str(find_java().executable),
            "-cp",
            ":".join(map(str, [java_test_classes, *class_path])),
            name,
            *arguments,
        ]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)  # our own

    return run
