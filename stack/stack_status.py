"""What runs where: written by the supervisor, read by everyone else."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from stack.roles import Role

PartState = Literal["starting", "ready", "dead", "external"]


@dataclass(kw_only=True)
class PartStatus:
    """One part of the stack.

    Parameters
    ----------
    name : str
        kafka, zookeeper, jobmanager, taskmanager, postgres or prometheus.
    address : str
        Where it listens.
    state : {"starting", "ready", "dead", "external"}
        ``external`` is a service that the user named; nobody here watches it.
    pid, created_at_s : int, float or None
        Its process, and when that began, which tells it from a later process with the same number.
    restarts : int
        How often the supervisor started it again.
    message : str
        Why it is dead.
    """

    name: str
    address: str
    state: PartState = "starting"
    pid: int | None = None
    created_at_s: float | None = None
    web_url: str | None = None
    log: str | None = None
    restarts: int = 0
    message: str = ""


@dataclass(kw_only=True)
class StackStatus:
    """The whole stack and the addresses of its services.

    `error` says why a start failed. The database's URLs, one for each role, carry passwords and stay out of ``repr``.
    """

    home: Path
    kafka: str = ""
    flink_url: str = ""
    database_urls: dict[str, str] = field(default_factory=dict, repr=False)
    supervisor_pid: int | None = None
    supervisor_created_at_s: float | None = None
    parts: list[PartStatus] = field(default_factory=list)
    error: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether every part can be used."""
        return bool(self.parts) and all(part.state in ("ready", "external") for part in self.parts)

    @property
    def database_url(self) -> str:
        """The database's address for its owner, empty if there is none."""
        return self.database_urls.get(Role.OWNER, "")

    def part(self, name: str) -> PartStatus:
        """Return one part by its name."""
        return next(part for part in self.parts if part.name == name)


def status_path(home: Path) -> Path:
    """Return the file that holds the status."""
    return home / "state.json"


def write_private(path: Path, values: dict[str, Any]) -> None:
    """Replace a JSON file at once, readable by its owner only."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        json.dump(values, file, indent=1)
    os.replace(file.name, path)


def write_status(status: StackStatus) -> None:
    """Write the status into its home."""
    write_private(status_path(status.home), asdict(status) | {"home": str(status.home)})


def read_status(home: Path) -> StackStatus | None:
    """Read the status as it was last written."""
    try:
        values = json.loads(status_path(home).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    parts = [PartStatus(**part) for part in values.pop("parts")]
    if "database_url" in values:  # a stack that an earlier version has started
        url = values.pop("database_url")
        values["database_urls"] = {role: url for role in Role}
    return StackStatus(**values | {"home": Path(values["home"]), "parts": parts})
