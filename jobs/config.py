"""Settings of the job and of the services it talks to, each default in one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from udfs.errors import ConfigError

TOPIC = "raw_messages"
DEAD_LETTER_TOPIC = "raw_messages_dlq"
TOPIC_PARTITIONS = 4

JOB_NAME = "Exchange fingerprinting"


@dataclass(frozen=True, kw_only=True)
class Database:
    """Where PostgreSQL is and who we are there; the password never shows in `repr`."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)

    @property
    def jdbc_url(self) -> str:
        """The address as the JDBC driver wants it, without user and password.

        `stringtype=unspecified` lets PostgreSQL read our text columns as timestamptz and jsonb.
        """
        options = "reWriteBatchedInserts=true&stringtype=unspecified&ApplicationName=fingerprint-job"
        return f"jdbc:postgresql://{self.host}:{self.port}/{self.name}?{options}"


def parse_database_url(url: str) -> Database:
    """Take apart `postgresql://user:password@host:port/database`.

    Raises
    ------
    ConfigError
        If a part is missing. The message does not repeat the address: it may hold a password.
    """
    expected = "Expected DATABASE_URL to be postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError as error:
        raise ConfigError(f"{expected}, found an address that cannot be read: correct it") from error
    name = parts.path.removeprefix("/")
    if parts.scheme not in ("postgresql", "postgres"):
        raise ConfigError(f"{expected}, found the scheme {parts.scheme!r}: correct it")
    missing = [
        what
        for what, value in (
            ("host", parts.hostname),
            ("user", parts.username),
            ("password", parts.password),
            ("database", name),
        )
        if not value
    ]
    if missing:
        raise ConfigError(f"{expected}, found no {' and no '.join(missing)} in it: add what is missing")
    return Database(
        host=parts.hostname or "",
        port=port,
        name=unquote(name),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


@dataclass(frozen=True, kw_only=True)
class JobSettings:
    """What the Flink job can be told.

    Attributes
    ----------
    kafka : str
        Bootstrap servers.
    database : Database
        Where the results go.
    topic, dead_letter_topic : str
        Where messages come from, and where goes what is none.
    parallelism : int
        Flink subtasks of every operator.
    state_ttl_hours : float
        A connection that was silent for longer starts counting at message 1 again.
    bundle_ms, flush_ms : int
        How long Python waits for windows, and JDBC for rows: latency against throughput.
    checkpoint_ms : int
        Time between checkpoints.
    stop_at_end : bool
        Read what is in the topic now and finish, instead of going on for ever.
    """

    kafka: str
    database: Database
    topic: str = TOPIC
    dead_letter_topic: str = DEAD_LETTER_TOPIC
    parallelism: int = 1
    state_ttl_hours: float = 24.0
    bundle_ms: int = 20
    flush_ms: int = 20
    checkpoint_ms: int = 5000
    stop_at_end: bool = False

    def __post_init__(self) -> None:
        for name in ("parallelism", "bundle_ms", "flush_ms", "checkpoint_ms", "state_ttl_hours"):
            if getattr(self, name) <= 0:
                raise ConfigError(
                    f"Expected {name.replace('_', '-')} to be above 0, found {getattr(self, name)}: raise it"
                )
