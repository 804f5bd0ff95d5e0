"""Adds to the alerts of the tables what Flink says of the job."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Final

from jobs.cluster.flink_client import JobCheck, check_job
from jobs.cluster.job_failures import find_failures
from jobs.cluster.service_addresses import Addresses
from jobs.results.active_alerts import Alert, with_job

ASK_EVERY_S: Final = 5.0


class JobWatch:
    """Asks the Flink that `submit` uses, every few seconds at most.

    Parameters
    ----------
    addresses : Addresses
        Where Flink is; where nothing names one, nothing is added.
    """

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._asked_s = -ASK_EVERY_S
        self._answer: tuple[JobCheck, str] | None = None

    def add_to(self, alerts: list[Alert]) -> list[Alert]:
        """Return the alerts with what Flink says."""
        if time.monotonic() - self._asked_s >= ASK_EVERY_S:
            self._answer = self._ask()
            self._asked_s = time.monotonic()
        if self._answer is None:
            return alerts
        check, failing = self._answer
        return with_job(alerts, **asdict(check), failing=failing)

    def _ask(self) -> tuple[JobCheck, str] | None:
        flink_url = self._addresses.find_flink()
        if flink_url is None:
            return None
        check, failures = check_job(flink_url), find_failures(flink_url)
        return check, str(failures) if failures.keeps_failing or failures.has_ended else ""
