"""A running Grafana, with what it says translated into one sentence; the only place that speaks to one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from grafana_client import GrafanaApi
from grafana_client.client import GrafanaBadInputError, GrafanaClientError, GrafanaException, GrafanaUnauthorizedError

from udfs.certificate_errors import CERTIFICATE_ADVICE, certificate_error
from udfs.errors import ConfigError, PipelineError, ServiceUnavailable

Json = dict[str, Any]
Credential = str | tuple[str, str]

_TIMEOUT_S: Final = 35
"""A little longer than the reader's statement_timeout, so that a slow query is told by the database."""

_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_SERVER_ERROR: Final = 500


def find_credential(environment: Mapping[str, str]) -> Credential:
    """Take the token, or user and password, from the environment.

    Raises
    ------
    ConfigError
        If there is neither.
    """
    if token := environment.get("GRAFANA_TOKEN"):
        return token
    user, password = (environment.get(f"GRAFANA_{name}") for name in ("USER", "PASSWORD"))
    if not user or not password:
        raise ConfigError(
            "Expected GRAFANA_TOKEN, or GRAFANA_USER and GRAFANA_PASSWORD, in the environment, found neither: make a "
            "token for a service account with the role Admin, and set it"
        )
    return user, password


class Grafana:
    """A Grafana that answers and lets us in.

    Parameters
    ----------
    url : str
        Its address, without a password.
    credential : str or tuple of str
        A token, or user and password.

    Raises
    ------
    ServiceUnavailable
        If nothing answers at the address.
    ConfigError
        If that is no Grafana, or it does not let us in.
    """

    def __init__(self, url: str, credential: Credential) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"Expected an address such as http://localhost:3000, found {url!r}: correct it")
        if parts.username or parts.password:
            raise ConfigError(
                "Expected an address without user and password, found one with: put them into GRAFANA_USER and "
                "GRAFANA_PASSWORD"
            )
        self.url = url.rstrip("/")
        self.api = GrafanaApi.from_url(f"{self.url}/", credential, timeout=_TIMEOUT_S)
        with self.asked("to answer"):
            health = self.api.health.check()
        if not isinstance(health, dict) or "database" not in health:
            raise self._is_something_else()
        with self.asked("to let us in"):
            self.api.client.GET("/org")

    @contextmanager
    def asked(self, what: str) -> Iterator[None]:
        """Translate what goes wrong while Grafana is asked for something, such as `to take a dashboard`."""
        try:
            yield
        except GrafanaUnauthorizedError as error:
            raise ConfigError(
                f"Expected Grafana at {self.url} to know us, found that it does not (401): check GRAFANA_TOKEN, or "
                "GRAFANA_USER and GRAFANA_PASSWORD"
            ) from error
        except GrafanaException as error:
            if error.status_code == _FORBIDDEN:
                raise ConfigError(
                    f"Expected Grafana at {self.url} {what}, found that we may not (403: {_message(error)}): give the "
                    "token's service account, or the user, the role Admin"
                ) from error
            if error.status_code == _NOT_FOUND and what == "to answer":
                raise self._is_something_else() from error
            is_away = error.status_code is not None and error.status_code >= _SERVER_ERROR
            kind = ServiceUnavailable if is_away else PipelineError
            raise kind(f"Expected Grafana at {self.url} {what}, found {_message(error)}: see Grafana's log") from error
        except requests.JSONDecodeError as error:
            raise self._is_something_else() from error
        except requests.RequestException as error:
            if problem := certificate_error(error):
                raise ConfigError(f"Expected Grafana at {self.url}, found {problem}: {CERTIFICATE_ADVICE}") from error
            raise ServiceUnavailable(
                f"Expected Grafana at {self.url}, found nothing that answers ({type(error).__name__}): start it, or "
                "correct the address"
            ) from error
        except OSError as error:  # of requests, which looks for the file only when it connects
            raise ConfigError(
                f"Expected a file of certificate authorities, found {error}: correct REQUESTS_CA_BUNDLE or "
                "CURL_CA_BUNDLE"
            ) from error

    @contextmanager
    def asked_for(self, what: str) -> Iterator[None]:
        """Translate as `asked` does, but that something is not there is no fault."""
        with self.asked(f"to show {what}"):
            try:
                yield
            except GrafanaClientError as error:
                if error.status_code != _NOT_FOUND:
                    raise

    def query(self, queries: list[Json], time_from: str, time_to: str) -> Json:
        """Run queries as a panel does; the result is by reference, each with `frames` or an `error`."""
        body = {"queries": queries, "from": time_from, "to": time_to}
        with self.asked("to run a query"):
            try:
                answer = self.api.client.POST("/ds/query", json=body)
            except GrafanaBadInputError as error:
                if not isinstance(error.response, dict) or "results" not in error.response:
                    raise
                answer = error.response  # what failed is told there
        results: Json = answer["results"]
        return results

    def _is_something_else(self) -> ConfigError:
        return ConfigError(f"Expected Grafana at {self.url}, found something else: correct the address")


def _message(error: GrafanaException) -> str:
    response = error.response
    said = response.get("message") if isinstance(response, dict) else None
    return str(said or error.message).strip().partition("\n")[0][:300]
