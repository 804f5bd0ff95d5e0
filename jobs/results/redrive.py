"""What becomes of dead letters: chosen, mended, looked at once more, and sent again, each once and no more."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import orjson

from ingest.kafka.dead_letters import NULL_VALUE, DeadLetter, Outgoing, Place
from ingest.kafka.record_validity import check_record
from jobs.results.database_fitness import require_direct
from jobs.results.visible_text import visible
from model.registry.database import Connection, connect, execute_values
from model.registry.database_url import parse_database_url
from udfs.errors import ConfigError, SchemaError

Record = tuple[bytes | None, bytes | None]
"""Key and value."""

LEFT_OUT: Final = "its bytes were too large for a dead letter"
NO_KEY: Final = "its key was too large for a dead letter, or there was none"

_REDRIVE_LOCK: Final = 0x6C746572
"""Key of the advisory lock that lets one `redrive` run at a time ("lter" in ASCII)."""

_MOST_SHOWN: Final = 60


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which dead letters are meant; what is None chooses nothing.

    Attributes
    ----------
    reason : str or None
        Part of the reason.
    partition, offset : int or None
        Of the record in the topic of the messages.
    since_at : datetime or None
        The record's time, at least.
    """

    reason: str | None = None
    partition: int | None = None
    offset: int | None = None
    since_at: datetime | None = None

    def takes(self, dead_letter: DeadLetter) -> bool:
        """Tell whether a dead letter is meant."""
        return (
            (self.reason is None or self.reason in dead_letter.reason)
            and (self.partition is None or self.partition == dead_letter.place.partition)
            and (self.offset is None or self.offset == dead_letter.place.offset)
            and (self.since_at is None or self.since_at <= dead_letter.at)
        )


@dataclass(kw_only=True)
class Plan:
    """What would be sent, and why the rest would not.

    Attributes
    ----------
    records : dict
        What is sent, by the dead letter's place.
    rejected : dict
        Reasons why chosen dead letters stay where they are.
    n_before : int
        Chosen dead letters that were sent before.
    """

    records: dict[Place, Outgoing] = field(default_factory=dict)
    n_before: int = 0
    rejected: dict[Place, str] = field(default_factory=dict)

    def reasons(self) -> Counter[str]:
        """Count the reasons of what is rejected."""
        return Counter(self.rejected.values())


def plan_redrive(
    dead_letters: Iterator[DeadLetter],
    choice: Choice,
    *,
    sent: Collection[Place] = (),
    mended: Mapping[Place, Record] = MappingProxyType({}),
    rekey: bool = False,
    force: bool = False,
) -> Plan:
    """Say what of the chosen dead letters is a message by now, and so can be sent.

    Parameters
    ----------
    dead_letters : iterator of DeadLetter
        All there are.
    choice : Choice
        Which are meant.
    sent : collection of Place
        Which have been sent before.
    mended : mapping
        Corrected records by their places; if there are any, only these dead letters are meant.
    rekey : bool
        Whether the key becomes the connection_id of the value.
    force : bool
        Whether to send also what is still invalid.

    Raises
    ------
    ConfigError
        If no dead letter is meant and none is corrected, or a corrected record is that of none.
    """
    plan = Plan()
    unmatched = set(mended)
    reasons: Counter[str] = Counter()
    n_chosen = 0
    for dead_letter in dead_letters:
        unmatched.discard(dead_letter.place)
        reasons[dead_letter.reason] += 1
        if not choice.takes(dead_letter) or (mended and dead_letter.place not in mended):
            continue
        n_chosen += 1
        if dead_letter.place in sent:
            plan.n_before += 1
            continue
        key, value = mended.get(dead_letter.place, (dead_letter.key, dead_letter.value))
        if rekey:
            key = connection_id_of(value) or key
        reason = _refusal(dead_letter, key, value, force=force)
        if reason is None:
            # Under its own key it belongs where its connection is, by whatever partitioner it came there.
            partition = dead_letter.place.partition if key == dead_letter.key else None
            plan.records[dead_letter.place] = Outgoing(key, value, partition)
        else:
            plan.rejected[dead_letter.place] = reason
    _refuse_unmatched(unmatched)
    if not n_chosen and not mended:
        raise _nothing_chosen(choice, reasons)
    return plan


def _nothing_chosen(choice: Choice, reasons: Counter[str]) -> ConfigError:
    asked = {"reason with": choice.reason, "partition": choice.partition, "offset": choice.offset}
    of = ", ".join(f"{name} {value!r}" for name, value in asked.items() if value is not None) or "any reason"
    there = ", ".join(f"{reason} ({count:,})" for reason, count in reasons.most_common()) or "no dead letter at all"
    return ConfigError(f"Expected a dead letter of {of}, found {there}: choose by what `dlq list` shows")


def _refusal(dead_letter: DeadLetter, key: bytes | None, value: bytes | None, *, force: bool) -> str | None:
    if value is None and dead_letter.reason != NULL_VALUE:
        return LEFT_OUT
    if not force:
        return check_record(key, value)
    return NO_KEY if key is None and dead_letter.reason != "no key" else None


def _refuse_unmatched(places: Collection[Place]) -> None:
    if places:
        first = min(places)
        raise ConfigError(
            f"Expected each corrected line to have partition and offset of a dead letter, found {len(places)} without "
            f"one, first partition {first.partition}, offset {first.offset}: correct or remove them; nothing was sent"
        )


def connection_id_of(value: bytes | None) -> bytes | None:
    """Read the connection_id out of a value, as a key; None if there is none."""
    try:
        message = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    name = message.get("connection_id") if isinstance(message, dict) else None
    return name.encode() if isinstance(name, str) else None


def to_json(dead_letter: DeadLetter) -> dict[str, Any]:
    """Lay out a dead letter as a JSON object, which `read_mended` reads."""
    return {
        "partition": dead_letter.place.partition,
        "offset": dead_letter.place.offset,
        "reason": dead_letter.reason,
        "at": dead_letter.at.isoformat(),
        **_text_or_base64("key", dead_letter.key),
        **_text_or_base64("value", dead_letter.value),
    }


def _text_or_base64(name: str, data: bytes | None) -> dict[str, str | None]:
    try:
        return {name: None if data is None else data.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data or b"").decode()}


def read_mended(path: Path) -> dict[Place, Record]:
    """Read corrected records: the lines that `dlq list --format json` prints, with another key or value.

    Raises
    ------
    SchemaError
        If a line is no such object.
    """
    mended: dict[Place, Record] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            fields = orjson.loads(line)
            place = Place(int(fields["partition"]), int(fields["offset"]))
            mended[place] = (_bytes_of(fields, "key"), _bytes_of(fields, "value"))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SchemaError(
                f"Expected line {number} of {path} to be a JSON object with partition, offset, key and value as "
                f"`dlq list --format json` prints it, found {printable(line)}: correct it"
            ) from error
    return mended


def _bytes_of(fields: dict[str, Any], name: str) -> bytes | None:
    if f"{name}_base64" in fields:
        return base64.b64decode(fields[f"{name}_base64"], validate=True)
    text = fields[name]
    return None if text is None else str(text).encode()


def printable(data: bytes | None, most: int = _MOST_SHOWN) -> str:
    """Show the first bytes as text that a terminal takes: what is no character, or controls it, is escaped."""
    if data is None:
        return "NULL"
    text = data[:most].decode("utf-8", "backslashreplace")
    shown = visible(text).replace("\n", "\\n")
    return shown if len(data) <= most else f"{shown}..."


class Memory:
    """Remembers in the database which dead letters have been sent again, or are just being.

    Parameters
    ----------
    connection : connection
        In autocommit mode.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sent(self) -> dict[Place, Place | None]:
        """Return where each dead letter that was claimed is now; None if nobody knows whether it was sent."""
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT kafka_partition, kafka_offset, new_partition, new_offset FROM redriven_records")
            return {Place(p, o): None if new_p is None else Place(new_p, new_o) for p, o, new_p, new_o in cursor}

    def claim(self, places: Iterator[Place]) -> None:
        """Say that dead letters are about to be sent."""
        self._write("INSERT INTO redriven_records (kafka_partition, kafka_offset) VALUES %s", list(places))

    def settle(self, sent: Mapping[Place, Place]) -> None:
        """Say where dead letters are now."""
        self._write(
            "UPDATE redriven_records AS r SET new_partition = v.p::integer, new_offset = v.o::bigint "
            "FROM (VALUES %s) AS v (kp, ko, p, o) WHERE (r.kafka_partition, r.kafka_offset) = (v.kp, v.ko)",
            [(*origin, *place) for origin, place in sent.items()],
        )

    def give_up(self, places: Iterator[Place]) -> None:
        """Forget dead letters that were claimed but never sent."""
        self._write("DELETE FROM redriven_records WHERE (kafka_partition, kafka_offset) IN (VALUES %s)", list(places))

    def _write(self, statement: str, rows: list[Any]) -> None:
        if rows:
            with self._connection.cursor() as cursor:
                execute_values(cursor, statement, rows)


@contextmanager
def redrive_memory(database_url: str) -> Iterator[Memory]:
    """Open the memory for one run of `redrive`; another one waits.

    Raises
    ------
    ServiceUnavailable
        If the database does not answer.
    """
    with connect(database_url) as connection:
        with connection.cursor() as cursor:
            require_direct(connection, cursor, parse_database_url(database_url))
            cursor.execute("SELECT pg_advisory_lock(%s)", (_REDRIVE_LOCK,))
        yield Memory(connection)
