"""Where Kafka, Flink and PostgreSQL are: what the user named, else the local stack that is running."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stack.control import status
from udfs.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """What the user named, and the local stack's folder for the rest."""

    home: Path
    kafka: str | None = None
    flink: str | None = None
    database_url: str | None = None

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
        """Get the address of the Flink whose results are in the database, if it is known.

        A local stack's Flink says nothing of a database of the user's own.
        """
        return self.flink or (None if self.database_url else status(self.home).flink_url) or None

    def require_database_url(self) -> str:
        """Get the address of the database, or raise ConfigError."""
        return self._require(self.database_url, "DATABASE_URL", "database_url", "a database", "--database-url")

    def _require(self, given: str | None, variable: str, part: str, what: str, option: str) -> str:
        address = given or getattr(status(self.home), part)
        if not address:
            raise ConfigError(
                f"Expected {what}, found neither {option} nor {variable} nor a local stack running in {self.home}: "
                "name it, or run `fingerprint up`"
            )
        return str(address)
