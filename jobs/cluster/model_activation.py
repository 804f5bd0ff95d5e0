"""Which model scores a topic: chosen when the job is first submitted, changed while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from ingest.kafka.topic_reader import TopicReader
from jobs.results.read_topics import check_results_are_of, has_results
from model.artifact.artifact_folder import load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT, artifact_folder
from model.registry.database import Connection, connect
from model.registry.model_registry import (
    activate_everywhere,
    announce,
    check_registered,
    may_activate,
    read_state,
    register,
    settle,
    withdraw,
)
from model.registry.registered_models import load_registered
from model.registry.topic_models import SETTLED_AFTER_S
from model.training.calibration import DEFAULT_RATE
from udfs.errors import ConfigError, ServiceUnavailable
from udfs.model_schedule import Schedule

Progress = Callable[[str], None]


def ensure_schedule(
    database_url: str,
    topic: str,
    model: Path | None,
    false_unknown_rate: float | None,
    *,
    unread_from: Mapping[int, int] = MappingProxyType({}),
) -> Schedule:
    """Return the models that score a topic; if none has been activated, activate one for all of it.

    Parameters
    ----------
    database_url : str
        Of the registry.
    topic : str
        Of the messages.
    model : Path or None
        Folder of an artifact; None for the active model, or the one that comes with this software.
    false_unknown_rate : float or None
        Share of a known exchange's windows that may be called unknown; None for the active model's, or the default.
    unread_from : mapping of int to int
        By partition, from which offset on the job will read: only models that score something there have to load. All
        have to where none is named.

    Raises
    ------
    ConfigError
        If a model is named, and another one is active; if none is active, and our login may not activate one; or if
        the database has results of another topic.
    ArtifactError
        If one of the models that score unread records cannot be loaded.
    """
    with connect(database_url) as database:
        _check_only_topic(database, topic)
        schedule = read_state(database, topic).schedule
        if schedule is None:
            _check_may_activate(database, topic)
            version = _register(database, model or DEFAULT_ARTIFACT, false_unknown_rate)
            activate_everywhere(database, topic, version)
            schedule = read_state(database, topic).schedule
        elif model is not None or false_unknown_rate is not None:
            _check_active(_registered(database, model or DEFAULT_ARTIFACT, false_unknown_rate), schedule, topic)
        if schedule is None:
            raise AssertionError("a model was activated")
        for version in schedule.versions_from(unread_from):
            load_registered(database, version)
    return schedule


def _check_may_activate(database: Connection, topic: str) -> None:
    if not may_activate(database):
        raise ConfigError(
            f"Expected a model that scores the topic {topic}, found none, and a login that may not activate one: run "
            "`fingerprint model activate --from-start model/trained` first, or `fingerprint submit`, which does"
        )


def activate(
    database_url: str, kafka: str, topic: str, model: str, *, false_unknown_rate: float | None, progress: Progress
) -> tuple[str, list[int]]:
    """Let a model score what comes from now on; return its version and, by partition, the offset that it begins with.

    Parameters
    ----------
    database_url, kafka : str
        Where the registry and the messages are.
    topic : str
        Of the messages.
    model : str
        A registered version, the folder of an artifact, or `catalogue`.
    false_unknown_rate : float or None
        For a folder, as for `ensure_schedule`.
    progress : callable
        Is told what is waited for.

    Raises
    ------
    ArtifactError
        If it cannot be loaded; nothing has changed then.
    ConfigError
        If the registry does not have it, it is active already, or nobody has been.
    ServiceUnavailable
        If somebody else changes it at the same time.
    """
    with connect(database_url) as database:
        version = _find(database, model, false_unknown_rate)
        schedule = read_state(database, topic).schedule
        if schedule is None:
            raise ConfigError(
                f"Expected a model that scores the topic {topic} until now, found none: `fingerprint submit --model` "
                "chooses the first"
            )
        if schedule.activations[-1].model_version == version:
            raise ConfigError(f"Expected another model than the active one, found {version} itself: nothing to change")
        return version, _change(database, kafka, topic, version, progress)


def activate_from_start(database_url: str, topic: str, model: str, *, false_unknown_rate: float | None) -> str:
    """Let a model score the whole topic, from its beginning, when the job is submitted next; return its version."""
    with connect(database_url) as database:
        _check_only_topic(database, topic)
        version = _find(database, model, false_unknown_rate)
        activate_everywhere(database, topic, version)
    return version


def roll_back(database_url: str, kafka: str, topic: str, progress: Progress) -> tuple[str, list[int]]:
    """Let the model that was active before score what comes from now on.

    Done again, it goes further back: a model that was gone back from is not gone back to.

    Raises
    ------
    ConfigError
        If there was none.
    """
    with connect(database_url) as database:
        schedule = read_state(database, topic).schedule
        versions = [] if schedule is None else _not_gone_back_from(schedule)
        if len(versions) < 2:
            raise ConfigError(
                f"Expected a model that scored the topic {topic} before the active one, found none: there is "
                "nothing to go back to"
            )
        version = versions[-2]
        load_registered(database, version)
        return version, _change(database, kafka, topic, version, progress)


def _not_gone_back_from(schedule: Schedule) -> list[str]:
    """List the models up to the active one, without those that were active when an earlier one became so again."""
    versions: list[str] = []
    for activation in schedule.activations:
        version = activation.model_version
        versions = versions[: versions.index(version)] if version in versions else versions
        versions.append(version)
    return versions


def check_only_topic(database_url: str, topic: str) -> None:
    """Refuse a database with results of other topics: no row says which topic it is of.

    Raises
    ------
    ConfigError
        If there are any.
    """
    with connect(database_url) as database:
        _check_only_topic(database, topic)


def _check_only_topic(database: Connection, topic: str) -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT DISTINCT topic FROM model_activations WHERE topic <> %s ORDER BY topic", (topic,))
        others = ", ".join(other for (other,) in cursor.fetchall())
        if not others:
            return
        if has_results(database):
            raise ConfigError(
                f"Expected a database for the topic {topic} alone, found one with results of {others}: name another "
                "one with --database-url, and bring it up to date with `fingerprint migrate`"
            )
        cursor.execute("DELETE FROM model_activations WHERE topic <> %s", (topic,))


def _change(database: Connection, kafka: str, topic: str, version: str, progress: Progress) -> list[int]:
    """Announce the change, wait until who scores holds still, and part the models at the partitions' ends."""
    check_results_are_of(database, kafka, topic)
    with TopicReader(kafka, topic) as reader:
        number = announce(database, topic, version)
        is_made = False
        try:
            progress("Waiting until no window is being scored")
            time.sleep(SETTLED_AFTER_S)
            from_offsets = [span.end for span in reader.look()]
            is_made = settle(database, number, from_offsets)
        finally:
            if not is_made:
                withdraw(database, number)
    if not is_made:
        raise ServiceUnavailable(
            f"Expected the change to be made in time, found it given up: try again, the model of {topic} is as it was"
        )
    return from_offsets


def _find(database: Connection, model: str, false_unknown_rate: float | None) -> str:
    """Register the artifact in a folder, or check that a version is registered and sound."""
    folder = artifact_folder(Path(model))
    if folder.is_dir():
        return _register(database, folder, false_unknown_rate)
    if false_unknown_rate is not None:
        raise ConfigError(
            f"Expected a folder to set a false-unknown rate for, found the version {model}, which has its own: leave "
            "out --false-unknown-rate"
        )
    load_registered(database, model)
    return model


def _register(database: Connection, folder: Path, false_unknown_rate: float | None) -> str:
    rate = DEFAULT_RATE if false_unknown_rate is None else false_unknown_rate
    return register(database, folder, load_predictor(folder, rate))


def _registered(database: Connection, folder: Path, false_unknown_rate: float | None) -> str:
    """Return the version of the artifact in a folder, after checking that the registry has no other of its name."""
    predictor = load_predictor(folder, DEFAULT_RATE if false_unknown_rate is None else false_unknown_rate)
    check_registered(database, folder, predictor)
    return predictor.model_version


def _check_active(version: str, schedule: Schedule, topic: str) -> None:
    active = schedule.activations[-1].model_version
    if version != active:
        raise ConfigError(
            f"Expected the model that is active for the topic {topic}, {active}, found --model is {version}: leave it "
            "out, or change the model with `fingerprint model activate` (--from-start to score the whole topic anew)"
        )
