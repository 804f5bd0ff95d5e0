"""The registry: every model that a topic may be scored by, and since which offsets, in PostgreSQL.

A change takes two steps, so that no window is scored by a model that it should no longer be scored by: it is announced,
and who scores holds still meanwhile; when the last of them must have heard of it, the ends of the topic's partitions
become its offsets. Nothing that was scored until then lies beyond them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from model.artifact.artifact_folder import BOOSTER_NAME, MANIFEST_NAME, BoosterPredictor, read_booster
from model.artifact.booster_border import MAX_BOOSTER_BYTES
from model.artifact.manifest_checks import MAX_MANIFEST_BYTES, shown
from model.artifact.model_version import version_at_rate
from model.registry.database import Binary, Connection, UniqueViolation
from udfs.errors import ArtifactError, ConfigError, ServiceUnavailable
from udfs.model_schedule import Activation, Schedule

ANNOUNCED_FOR_S: Final = 30
"""A change that was announced and not made in this time is void: whoever announced it is gone. PostgreSQL's function
`withdraw_overdue_activation` has the same."""


@dataclass(frozen=True, kw_only=True)
class RegistryState:
    """The schedule of a topic, and whether it is about to change.

    Attributes
    ----------
    schedule : Schedule or None
        None if no model has been activated for the topic.
    announced : int or None
        Number of an activation that has no offsets yet.
    is_overdue : bool
        Whether that one has had its time.
    """

    schedule: Schedule | None
    announced: int | None
    is_overdue: bool


def read_state(connection: Connection, topic: str) -> RegistryState:
    """Read what is activated for a topic."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT activation_id, model_version, from_offsets, "
            "requested_at + make_interval(secs => %s) < clock_timestamp() "
            "FROM model_activations WHERE topic = %s AND NOT is_void ORDER BY activation_id",
            (ANNOUNCED_FOR_S, topic),
        )
        rows = cursor.fetchall()
    made = [
        Activation(model_version=version, from_offsets=tuple(begins))
        for _, version, begins, _ in rows
        if begins is not None
    ]
    announced = next(((number, is_overdue) for number, _, begins, is_overdue in rows if begins is None), (None, False))
    return RegistryState(schedule=_in_effect(made), announced=announced[0], is_overdue=announced[1])


def may_activate(connection: Connection) -> bool:
    """Tell whether our login may register and activate models; the job's may not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege('model_versions', 'INSERT') "
            "AND has_table_privilege('model_activations', 'INSERT')"
        )
        return cursor.fetchone() == (True,)


def _in_effect(made: list[Activation]) -> Schedule | None:
    """Leave out what a later activation of the whole topic has replaced."""
    whole = [index for index, activation in enumerate(made) if not activation.from_offsets]
    return Schedule(activations=tuple(made[whole[-1] :])) if whole else None


def register(connection: Connection, folder: Path, predictor: BoosterPredictor) -> str:
    """Keep a loaded artifact and return its version; one that is known already stays as it is.

    Raises
    ------
    ArtifactError
        If the registry has another artifact of that version.
    """
    manifest, version, rate = predictor.manifest, predictor.model_version, predictor.false_unknown_rate
    stated, booster = manifest.to_json(), Binary(read_booster(folder, manifest))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO model_versions (model_version, manifest, sha256, false_unknown_rate, booster) "
            "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (model_version) DO UPDATE "
            "SET false_unknown_rate = excluded.false_unknown_rate, booster = excluded.booster "
            "WHERE model_versions.booster IS NULL AND model_versions.manifest = excluded.manifest",
            (version, stated, manifest.booster_sha256, rate, booster),
        )
    check_registered(connection, folder, predictor)
    return version


def check_registered(connection: Connection, folder: Path, predictor: BoosterPredictor) -> None:
    """Check that the registry does not have another artifact of a version.

    Raises
    ------
    ArtifactError
        If it has.
    """
    manifest, version, rate = predictor.manifest, predictor.model_version, predictor.false_unknown_rate
    stated, booster = manifest.to_json(), Binary(read_booster(folder, manifest))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_remove(ARRAY[CASE WHEN booster IS DISTINCT FROM %s THEN 'booster' END, "
            "CASE WHEN false_unknown_rate IS DISTINCT FROM %s THEN 'false-unknown rate' END] || "
            "ARRAY(SELECT key FROM jsonb_each(%s::jsonb) WHERE value IS DISTINCT FROM manifest -> key), NULL) "
            "FROM model_versions WHERE model_version = %s",
            (booster, rate, stated, version),
        )
        (differing,) = cursor.fetchone() or ([],)
    if differing:
        raise ArtifactError(
            f"Expected the registered model {version} to be the one in {folder}, found one of the same name with "
            f"another {', '.join(differing)}: one of the two was changed after training, take an unbroken copy or "
            "train anew"
        )


def fetch_artifact(connection: Connection, model_version: str, folder: Path) -> float:
    """Write a registered artifact into `folder`, and return the share of known windows that it may call unknown.

    Raises
    ------
    ConfigError
        If the registry does not have it.
    ArtifactError
        If the artifact there is of another version, or larger than one may be.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT manifest ->> 'model_version', false_unknown_rate, octet_length(manifest::text), "
            "octet_length(booster) FROM model_versions WHERE model_version = %s",
            (model_version,),
        )
        found: tuple[Any, ...] | None = cursor.fetchone()
        if found is None or found[1] is None or found[3] is None:
            raise ConfigError(
                f"Expected the model {shown(model_version)} in the registry, found "
                f"{'only its name' if found else 'none such'}: name its folder instead, or a version that "
                "`fingerprint model list` shows"
            )
        stated, rate, manifest_bytes, booster_bytes = found
        if stated is None or version_at_rate(stated, rate) != model_version:
            raise ArtifactError(
                f"Expected the model {shown(model_version)} in the registry under its own name, found "
                f"{shown(stated)} there: the row was changed, activate a model from its folder"
            )
        if manifest_bytes > MAX_MANIFEST_BYTES or booster_bytes > MAX_BOOSTER_BYTES:
            raise ArtifactError(
                f"Expected a manifest of at most {MAX_MANIFEST_BYTES:,} and a booster of at most {MAX_BOOSTER_BYTES:,} "
                f"bytes of the model {model_version} in the registry, found {manifest_bytes:,} and {booster_bytes:,}: "
                "the row was changed, activate a model from its folder"
            )
        cursor.execute(
            "SELECT manifest::text, booster FROM model_versions WHERE model_version = %s",
            (model_version,),
        )
        manifest, booster = cursor.fetchone() or ("", b"")
    (folder / MANIFEST_NAME).write_text(manifest)
    (folder / BOOSTER_NAME).write_bytes(booster)
    return float(rate)


def activate_everywhere(connection: Connection, topic: str, model_version: str) -> None:
    """Let a model score the whole topic, from its beginning."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO model_activations (topic, model_version, from_offsets) VALUES (%s, %s, '{}')",
            (topic, model_version),
        )


def replaced_at(connection: Connection, topic: str) -> datetime | None:
    """Return when a model was last activated for the whole topic in place of others, None if none was."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT requested_at FROM model_activations WHERE topic = %s AND from_offsets = '{}' "
            "ORDER BY activation_id OFFSET 1",
            (topic,),
        )
        times: list[tuple[datetime]] = cursor.fetchall()
    return times[-1][0] if times else None


def announce(connection: Connection, topic: str, model_version: str) -> int:
    """Announce an activation and return its number: from now on, who scores the topic holds still.

    Raises
    ------
    ServiceUnavailable
        If another one is announced.
    """
    state = read_state(connection, topic)
    if state.announced is not None and state.is_overdue:
        withdraw(connection, state.announced)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO model_activations (topic, model_version) VALUES (%s, %s) RETURNING activation_id",
                (topic, model_version),
            )
            (number,) = cursor.fetchone() or (0,)
    except UniqueViolation as error:
        raise ServiceUnavailable(
            f"Expected nobody else to change the model of the topic {topic}, found a change under way: try again in "
            f"{ANNOUNCED_FOR_S} s"
        ) from error
    return int(number)


def settle(connection: Connection, number: int, from_offsets: list[int]) -> bool:
    """Make an announced activation with its offsets; tell whether it was not void by then."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE model_activations SET from_offsets = %s WHERE activation_id = %s AND NOT is_void",
            (from_offsets, number),
        )
        return cursor.rowcount == 1


def withdraw(connection: Connection, number: int) -> None:
    """Make an announced activation void, unless it has been made."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE model_activations SET is_void = true WHERE activation_id = %s AND from_offsets IS NULL", (number,)
        )


def withdraw_overdue(connection: Connection, topic: str) -> None:
    """Make an announced activation void that has had its time: who may change nothing else may do that."""
    with connection.cursor() as cursor:
        # A login for reading only says so in its session too.
        cursor.execute("BEGIN; SET TRANSACTION READ WRITE; SELECT withdraw_overdue_activation(%s); COMMIT", (topic,))
