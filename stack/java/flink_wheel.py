"""What the Java processes take from PyFlink's wheel."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from udfs.errors import ArtifactError, ConfigError


@cache
def flink_home() -> Path:
    """Return PyFlink's folder, which is laid out like Flink's distribution."""
    spec = find_spec("pyflink")
    if spec is None or spec.origin is None:
        raise ConfigError("Expected the wheel apache-flink, found it missing: install this project's dependencies")
    return Path(spec.origin).parent


def flink_jars() -> list[Path]:
    """Return the jars of Flink's own class path, flink-dist last as in Flink's start scripts."""
    return sorted(
        (flink_home() / "lib").glob("*.jar"), key=lambda path: (path.name.startswith("flink-dist"), path.name)
    )


def python_jar() -> Path:
    """Return the jar of PyFlink's runner, with Beam in it: `flink run` adds it to every job in Python."""
    return next((flink_home() / "opt").glob("flink-python-*.jar"))


def prometheus_jar() -> Path:
    """Return the jar of Flink's reporter for Prometheus, which lies among its plugins."""
    return next((flink_home() / "plugins" / "metrics-prometheus").glob("flink-metrics-prometheus-*.jar"))


def slf4j_binding() -> Path:
    """Return the jar that joins SLF4J 1.7, which Kafka's jars bring, to Log4j."""
    return next((flink_home() / "lib").glob("log4j-slf4j-impl-*.jar"))


@cache
def module_options() -> tuple[str, ...]:
    """Return the options that open Java's modules to Flink, as the wheel's own configuration has them."""
    shipped = (flink_home() / "conf" / "config.yaml").read_text(encoding="utf-8")
    found = re.search(r"^\s*all: (--add-exports.*)$", shipped, re.MULTILINE)
    if found is None:
        raise ArtifactError(
            f"Expected env.java.opts.all in {flink_home() / 'conf'}, found none: reinstall apache-flink"
        )
    # Java images without a compiler warn of these; what needs them is a formatter of Flink's own source code.
    return tuple(option for option in found[1].split() if "jdk.compiler/" not in option)


def log_options(log: Path) -> list[str]:
    """Return the options for logging into a file that is rolled at 100 MB, with nothing on the console."""
    config = flink_home() / "conf" / "log4j-console.properties"
    return [f"-Dlog.file={log}", f"-Dlog4j2.configurationFile={config}", "-Dconsole.log.level=OFF"]
