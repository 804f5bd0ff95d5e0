"""Where the local stack keeps what its jobs know, apart for each topic and database: the state of one fits no other."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jobs.cluster.service_addresses import Addresses
from jobs.config import JobSettings
from model.registry.database_url import parse_database_url
from stack.services.flink import last_checkpoint, last_savepoint, resumes_jobs, savepoint_folder, savepoint_time_s
from udfs.errors import ConfigError
from udfs.schema import STATE_LAYOUT

_DIGITS: Final = 12
_NAME_LENGTH: Final = 64
_S_PER_HOUR: Final = 3600
_FOLDER_NAME: Final = re.compile(rf"-[0-9a-f]{{{_DIGITS}}}(?:-layout(\d+))?$")
"""How a folder's name ends; before there was a layout in it, state was of the first one."""


@dataclass(frozen=True, kw_only=True)
class Savepoints:
    """Checkpoints and savepoints of the jobs that read one topic into one database.

    Attributes
    ----------
    addresses : Addresses
        Of the local stack; Kafka and PostgreSQL may be others.
    topic : str
        Of the messages.
    """

    addresses: Addresses
    topic: str

    @property
    def folder(self) -> Path:
        """Where they are on this machine's own cluster."""
        return savepoint_folder(self.addresses.home, self.name)

    @property
    def name(self) -> str:
        """Topic, a hash of topic and database, and the layout of the state."""
        return f"{self._name}-layout{STATE_LAYOUT}"

    def are_of_same(self, name: str) -> bool:
        """Tell whether a name is of the same topic and database, whatever the layout."""
        return name.startswith(f"{self._name}-layout")

    @property
    def _name(self) -> str:
        database = parse_database_url(self.addresses.require_database_url())
        identity = [self.addresses.require_kafka(), self.topic, database.address, database.name]
        digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:_DIGITS]
        name = re.sub(r"[^A-Za-z0-9.-]", "_", self.topic)[:_NAME_LENGTH]
        return f"{name}-{digest}"

    def last(self) -> Path:
        """Return the newest one.

        Raises
        ------
        ConfigError
            If there is none, or only of another version of this software.
        """
        found = last_savepoint(self.folder)
        if found is None:
            for other in self.folder.parent.glob(f"{self._name}*"):
                check_layout(self.addresses.home, last_savepoint(other))
            raise ConfigError(
                f"Expected a savepoint or checkpoint of a job of the local stack in {self.addresses.home} that read "
                f"the topic {self.topic} into this database, found none: leave out --resume, or name one with "
                "--from-savepoint"
            )
        return found

    def delete(self) -> None:
        """Delete them all: no job of this topic and database must be running."""
        shutil.rmtree(self.folder, ignore_errors=True)


def check_layout(home: Path, savepoint: Path | None) -> None:
    """Refuse a savepoint that was taken for a job that keeps something else; what is not in its place is left to Flink.

    Raises
    ------
    ConfigError
        If it is in a folder for state of another layout.
    """
    root = savepoint_folder(home, "")
    if savepoint is None or not savepoint.is_relative_to(root) or savepoint.parent == root:
        return
    check_layout_of(savepoint.relative_to(root).parts[0], savepoint)


def check_layout_of(name: str, savepoint: Path | str) -> None:
    """Refuse a savepoint by the name of its state, as `check_layout` does."""
    named = _FOLDER_NAME.search(name)
    layout = int(named[1] or 1) if named else STATE_LAYOUT
    if layout != STATE_LAYOUT:
        raise ConfigError(
            f"Expected a savepoint or checkpoint with state of layout {STATE_LAYOUT}, found {savepoint} with layout "
            f"{layout}, of another version of this software: submit without it, which reads the topic from its "
            "beginning and gives the same results"
        )


def check_age(savepoint: str, at_s: float, downtime_hours: float) -> None:
    """Refuse a savepoint that is so old that Flink may have dropped what messages of now need.

    Parameters
    ----------
    savepoint : str
        Where it is.
    at_s : float
        When it was complete, in seconds since the epoch.
    downtime_hours : float
        How old it may be.

    Raises
    ------
    ConfigError
        If it is older than the downtime.
    """
    age_hours = (time.time() - at_s) / _S_PER_HOUR
    if age_hours > downtime_hours:
        raise ConfigError(
            f"Expected a savepoint or checkpoint of the last {downtime_hours:g} hours (--downtime-hours), found "
            f"{savepoint} of {age_hours:.1f} hours ago, after which connections would begin anew in mid-stream: submit "
            "without it, which reads the topic from its beginning and gives the same results"
        )


def downtime_warning(home: Path) -> str | None:
    """Say that the stack in `home`, once it is started, goes on with a job after longer than the default downtime."""
    checkpoint = last_checkpoint(home)
    if checkpoint is None or not resumes_jobs(home) or _age_hours(checkpoint) <= JobSettings.downtime_hours:
        return None
    return (
        f"The job goes on after {_age_hours(checkpoint):.1f} hours; unless its --downtime-hours are more, connections "
        "may begin anew in mid-stream: stop it, and submit it without --resume, with a database without results"
    )


def _age_hours(savepoint: Path) -> float:
    return (time.time() - savepoint_time_s(savepoint)) / _S_PER_HOUR
