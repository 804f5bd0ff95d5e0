"""Where Kafka, Flink and PostgreSQL are: what the user named, else the local stack that is running."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stack.control import status
from stack.roles import Role
from udfs.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """What the user named, and the local stack's folder for the rest.

    Attributes
    ----------
    home : Path
        Of the local stack.
    kafka, flink, database_url : str or None
        What the user named.
    database_urls : mapping
        The database's address for roles whose login is another than that in `database_url`.
    """

    home: Path
    kafka: str | None = None
    flink: str | None = None
    database_url: str | None = field(default=None, repr=False)
    database_urls: Mapping[Role, str] = field(default_factory=dict, repr=False)

    def require_kafka(self) -> str:
        """Get Kafka's bootstrap servers, or raise ConfigError."""
        return self._require(self.kafka, "FINGERPRINT_KAFKA", "kafka", "Kafka's bootstrap servers", "--kafka")

    def require_flink(self) -> str:
        """Get the address of Flink's REST interface, or raise ConfigError."""
        return self._require(self.flink, "FINGERPRINT_FLINK", "flink_url", "the address of Flink", "--flink")

    def uses_local_flink(self) -> bool:
        """Tell whether the Flink is the one of the local stack, which keeps its files in the stack's folder."""
        local = status(self.home)
        return self.require_flink() == local.flink_url and all(part.name != "flink" for part in local.parts)

    def find_flink(self) -> str | None:
        """Get the address of the Flink that `require_flink` would get, None where it would raise."""
        return self.flink or status(self.home).flink_url or None

    def require_database_url(self, role: Role = Role.OWNER) -> str:
        """Get the address of the database for a role, or raise ConfigError."""
        return self._found(self.find_database_url(role), "DATABASE_URL", "a database", "--database-url")

    def find_database_url(self, role: Role) -> str | None:
        """Get the address that `require_database_url` would get, None where it would raise."""
        return self.database_urls.get(role) or self.database_url or status(self.home).database_urls.get(role) or None

    def _require(self, given: str | None, variable: str, part: str, what: str, option: str) -> str:
        return given or self._found(getattr(status(self.home), part), variable, what, option)

    def _found(self, address: str | None, variable: str, what: str, option: str) -> str:
        if not address:
            raise ConfigError(
                f"Expected {what}, found neither {option} nor {variable} nor a local stack running in {self.home}: "
                "name it, or run `fingerprint up`"
            )
        return address
