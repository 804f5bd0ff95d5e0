"""What a user may choose about the local stack."""

from __future__ import annotations

import json
import string
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from stack.stack_status import write_private
from udfs.errors import ConfigError

MAX_PORT = 65_535
# Java, Flink's scripts and Kafka's lists of directories each give one of these characters a meaning of its own.
REFUSED_IN_PATHS = ",;:|*?\"'`$\\#%" + string.whitespace


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """Where the stack keeps its state, on which ports it listens, and what is used from outside instead.

    Parameters
    ----------
    home : Path
        Folder of the stack's data, logs and state.
    kafka_port, flink_port, postgres_port : int
        Ports on 127.0.0.1; 0 means any free one.
    prometheus_port : int or None
        Port of a Prometheus that reads Flink's metrics, None to run none.
    task_slots : int
        How many parallel pipelines a TaskManager can run.
    taskmanagers : int
        How many of those there are.
    kafka, flink, database_url : str or None
        Addresses of services that run elsewhere and are used instead of local ones.
    """

    home: Path
    kafka_port: int = 9092
    flink_port: int = 8081
    postgres_port: int = 5432
    prometheus_port: int | None = None
    task_slots: int = 4
    taskmanagers: int = 1
    kafka: str | None = None
    flink: str | None = None
    database_url: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "home", resolve_home(self.home))
        if self.flink is not None:
            url = self.flink if "://" in self.flink else f"http://{self.flink}"
            object.__setattr__(self, "flink", url.rstrip("/"))
        refused = set(str(self.home)) & set(REFUSED_IN_PATHS)
        if refused:
            raise ConfigError(
                f"Expected a home for the stack without {min(refused)!r} in its name, found {str(self.home)!r}: "
                "choose another folder"
            )
        for name in ("kafka_port", "flink_port", "postgres_port", "prometheus_port"):
            port = getattr(self, name)
            if port is not None and not 0 <= port <= MAX_PORT:
                raise ConfigError(
                    f"Expected {name.replace('_', ' ')} between 0 and {MAX_PORT}, found {port}: choose another"
                )
        if self.prometheus_port is not None and self.flink is not None:
            raise ConfigError(
                f"Expected a Flink of this stack for Prometheus to read, found the one at {self.flink}: "
                "leave out --flink or --prometheus-port"
            )
        if self.task_slots < 1:
            raise ConfigError(f"Expected at least 1 task slot, found {self.task_slots}: choose more")
        if self.taskmanagers < 1:
            raise ConfigError(f"Expected at least 1 TaskManager, found {self.taskmanagers}: choose more")

    def chosen(self) -> dict[str, Any]:
        """Return the settings that differ from their defaults: what the user asked for."""
        return {
            option.name: value
            for option in fields(self)
            if (value := getattr(self, option.name)) != option.default and value != 0
        }


def resolve_home(home: Path) -> Path:
    """Return the one name of a home folder, by which its processes are known too."""
    return home.expanduser().resolve()


def write_settings(settings: StackSettings) -> None:
    """Leave the settings in their home, for the supervisor."""
    write_private(_settings_path(settings.home), asdict(settings) | {"home": str(settings.home)})


def read_settings(home: Path) -> StackSettings:
    """Read the settings of the stack in `home`."""
    values = json.loads(_settings_path(home).read_text(encoding="utf-8"))
    return StackSettings(**values | {"home": Path(values["home"])})


def last_settings(home: Path) -> StackSettings | None:
    """Read the settings of the last stack in `home`, None if there was none that this version can read."""
    try:
        return read_settings(home)
    except (OSError, ValueError, TypeError, KeyError, ConfigError):
        return None


def settings_like_last_time(settings: StackSettings, **ports: int | None) -> StackSettings:
    """Give settings the ports that are asked for, and for those that are None the last stack's of the same home.

    A `prometheus_port` below 0 is none.
    """
    last = last_settings(settings.home) or settings
    if settings.flink is not None:  # no Prometheus of ours reads it
        last = replace(last, prometheus_port=None)
    chosen: dict[str, Any] = {name: getattr(last, name) if port is None else port for name, port in ports.items()}
    if (chosen.get("prometheus_port") or 0) < 0:
        chosen["prometheus_port"] = None
    return replace(settings, **chosen)


def _settings_path(home: Path) -> Path:
    return home / "settings.json"
