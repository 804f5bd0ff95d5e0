"""Where PostgreSQL is and who we are there, read from one address."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from udfs.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Database:
    """Where PostgreSQL is and who we are there; the password never shows in `repr`."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """The whole address, with the password: for a client, never for a log."""
        user, password = quote(self.user, safe=""), quote(self.password, safe="")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{user}:{password}@{host}:{self.port}/{quote(self.name, safe='')}"

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
