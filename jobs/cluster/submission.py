"""Submits the job: everything that can be checked is checked before Flink hears of it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.cluster.cluster_savepoints import naming_options
from jobs.cluster.flink_client import find_running_job, flink_run, flink_run_command, has_pyflink
from jobs.cluster.preparation import Preparation
from jobs.cluster.replay_checks import check_not_replaced
from jobs.cluster.savepoints import Savepoints, check_age, check_layout
from jobs.cluster.service_addresses import Addresses
from jobs.config import JOB_NAME, TOPIC
from jobs.pipeline.job_arguments import build_parser, parse_job_arguments
from model.registry.database import find_password
from model.registry.database_url import parse_database_url
from stack.java.functions_jar import job_jars
from stack.java.jars import ensure_jars
from stack.ports import without_password
from stack.roles import Role
from stack.services.flink import client_environment, savepoint_time_s
from stack.services.kafka_login import kafka_login_file, keep_kafka_login
from stack.services.passwords import keep_password, password_file
from udfs.errors import ConfigError
from udfs.kafka_properties import KAFKA_PROPERTIES, read_kafka_properties


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What is to run, and where.

    Attributes
    ----------
    addresses : Addresses
        Kafka, Flink and PostgreSQL.
    topic : str
        Of the messages.
    model : Path or None
        Folder of the topic's first model; None for the active one, or the one that comes with this software.
    job_options : sequence of str
        Further options of `jobs/score_windows.py`.
    worker_python : str
        Python on the cluster's machines; the local stack's is the one that runs this.
    savepoint : str or None
        Savepoint or checkpoint whose state the job goes on with; None to begin with the topic.
    saved_at_s : float or None
        When that was complete, in seconds since the epoch, if its cluster has said so.
    """

    addresses: Addresses
    topic: str = TOPIC
    model: Path | None = None
    job_options: Sequence[str] = ()
    worker_python: str = sys.executable
    savepoint: str | None = None
    saved_at_s: float | None = None

    def __post_init__(self) -> None:
        # Wrong options, or the wish to see them listed, end here: before any service is asked for.
        build_parser().parse_args(self.job_options)

    def command(self, progress: Callable[[str], None]) -> list[str]:
        """Check the options and write the `flink run` command, after fetching the jars that it ships."""
        # Ours first: one of its classes takes the place of one of the Kafka connector.
        jars = [*job_jars(), *ensure_jars("flink", progress)]
        flink, database_url = self.addresses.require_flink(), self.addresses.require_database_url(Role.JOB)
        options = [
            *("--kafka", self.addresses.require_kafka(), "--topic", self.topic),
            *(() if self.model is None else ("--model", str(self.model.absolute()))),
            *("--jars", *map(str, jars)),
            *(("--pyflink-on-cluster",) if self.addresses.uses_local_flink() and has_pyflink(flink) else ()),
            *self.job_options,
        ]
        settings = parse_job_arguments(options, kafka=None, database_url=database_url).settings
        if (local := self._local_savepoint()) is not None:
            check_layout(self.addresses.home, local)
        if (at_s := self._saved_at_s()) is not None:
            check_age(str(self.savepoint), at_s, settings.downtime_hours)
        return flink_run_command(
            flink,
            options,
            worker_python=self.worker_python,
            savepoint=self.savepoint,
            flink_options=self._flink_options(),
        )

    def printed_command(self, progress: Callable[[str], None]) -> list[str]:
        """Write the command so that it runs by itself: where the database is stands before it, never a password.

        Of this machine's own cluster the passwords are put where workers look for them, as `run` does.
        """
        database_url = self.addresses.require_database_url(Role.JOB)
        address = {"DATABASE_URL": parse_database_url(database_url).open_url}
        if self.addresses.uses_local_flink():
            path = password_file(self.addresses.home)
            self._keep_password(path, database_url)
            address["PGPASSFILE"] = str(path)
        address |= self._kafka_login()
        # Where an installation keeps our packages, or what the user wants found.
        address |= {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        return ["env", *(f"{name}={value}" for name, value in address.items()), *self.command(progress)]

    def _flink_options(self) -> dict[str, str]:
        """On this machine's own cluster, keep the checkpoints where those of other topics and databases are not.

        Elsewhere the cluster keeps them where it does, and the job says whose they are.
        """
        savepoints = Savepoints(addresses=self.addresses, topic=self.topic)
        if not self.addresses.uses_local_flink():
            return naming_options(savepoints)
        return {"execution.checkpointing.dir": savepoints.folder.as_uri()}

    def _local_savepoint(self) -> Path | None:
        """Return the savepoint's folder for this machine's own cluster; elsewhere, the cluster says what is wrong."""
        if (
            self.savepoint is None
            or not self.addresses.uses_local_flink()
            or "://" in self.savepoint.removeprefix("file://")
        ):
            return None
        path = Path("/" + self.savepoint.removeprefix("file:").lstrip("/"))
        if not (path / "_metadata").is_file():
            raise ConfigError(
                f"Expected a savepoint or checkpoint in {path}, found no file _metadata there: correct --from-savepoint"
            )
        return path

    def _saved_at_s(self) -> float | None:
        local = self._local_savepoint()
        return self.saved_at_s if local is None else savepoint_time_s(local)

    def run(self, progress: Callable[[str], None]) -> str:
        """Check, submit, and return the job's id.

        Raises
        ------
        PipelineError
            If a service, the tables or the model are not as they must be, the job runs already, or Flink refuses it.
        """
        database_url, flink = self.addresses.require_database_url(Role.JOB), self.addresses.require_flink()
        preparation = self._preparation()
        if find_running_job(flink) is not None:
            raise ConfigError(
                f"Expected no {JOB_NAME!r} job on {without_password(flink)}, found one running, and two would do the "
                "same work twice: stop it first with `fingerprint stop`"
            )
        command = self.command(progress)
        preparation.services(progress)
        preparation.beginning(is_resumed=self.savepoint is not None, progress=progress)
        if (at_s := self._saved_at_s()) is not None:
            check_not_replaced(database_url, self.topic, str(self.savepoint), at_s)
        return self._submit(command, database_url, progress)

    def check(self, progress: Callable[[str], None]) -> None:
        """Check and make ready what the job needs wherever it begins; Flink is not asked for.

        Raises
        ------
        PipelineError
            If a service, the tables or the model are not as they must be.
        """
        preparation = self._preparation()
        preparation.services(progress)
        preparation.models()

    def _preparation(self) -> Preparation:
        options = build_parser().parse_args(self.job_options)
        return Preparation(
            kafka=self.addresses.require_kafka(),
            database_url=self.addresses.require_database_url(Role.JOB),
            activating_url=self.addresses.require_database_url(Role.MODEL_ADMIN),
            topic=self.topic,
            dead_letter_topic=options.dead_letter_topic,
            model=self.model,
            false_unknown_rate=options.false_unknown_rate,
        )

    def _submit(self, command: list[str], database_url: str, progress: Callable[[str], None]) -> str:
        """Let Flink's client do it, which logs its environment: the password is in a file instead."""
        flink, home, is_local = self.addresses.require_flink(), self.addresses.home, self.addresses.uses_local_flink()
        with tempfile.TemporaryDirectory() as folder:
            path = password_file(home) if is_local else Path(folder) / "passwords"
            if self._keep_password(path, database_url) and not is_local:
                progress(
                    f"The workers of {without_password(flink)} read the database's password where they run: "
                    "in PGPASSWORD, or in the file that PGPASSFILE names"
                )
            login = self._kafka_login()
            if login and not is_local:
                progress(
                    f"The managers of {without_password(flink)} read how to log in to Kafka where they run: in the "
                    f"file that {KAFKA_PROPERTIES} names there"
                )
            address = {"DATABASE_URL": parse_database_url(database_url).open_url, "PGPASSFILE": str(path)}
            return flink_run(command, client_environment(home, flink) | address | login)

    def _kafka_login(self) -> dict[str, str]:
        """Return where Flink's client finds how to log in to Kafka; this machine's own cluster gets its copy there."""
        properties = read_kafka_properties()
        if not properties:
            return {}
        if not self.addresses.uses_local_flink():
            return {KAFKA_PROPERTIES: str(Path(os.environ[KAFKA_PROPERTIES]).absolute())}
        path = kafka_login_file(self.addresses.home)
        keep_kafka_login(path, properties)
        return {KAFKA_PROPERTIES: str(path)}

    @staticmethod
    def _keep_password(path: Path, database_url: str) -> bool:
        """Put the database's password into a file, and tell whether there is one."""
        database, password = parse_database_url(database_url), find_password(database_url)
        if password:
            keep_password(path, database.hosts, database.name, database.user, password)
        return bool(password)
