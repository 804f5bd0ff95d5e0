"""Who may do what in PostgreSQL: names of roles, and what each is for."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a login is for."""

    OWNER = "owner"
    JOB = "job"
    MODEL_ADMIN = "model_admin"
    REDRIVE = "redrive"
    READER = "reader"

    @property
    def group(self) -> str:
        """The group role that its logins are members of."""
        return f"fingerprint_{self}"


PURPOSES: Final[Mapping[Role, str]] = {
    Role.OWNER: "Owns tables, views and functions: fingerprint migrate",
    Role.JOB: "Writes results, and never deletes one: the Flink job",
    Role.MODEL_ADMIN: "Registers and activates models: fingerprint model, and the first fingerprint submit",
    Role.REDRIVE: "Remembers what was sent again or skipped: fingerprint dlq",
    Role.READER: "Reads: Grafana, fingerprint watch, alerts and results",
}
