"""A Flink that speaks TLS, or asks for a password: whom we believe, and who we say that we are."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import requests

from stack.http import send
from udfs.certificate_errors import certificate_error
from udfs.errors import ConfigError

CA, CERTIFICATE, KEY = (f"FINGERPRINT_FLINK_{name}" for name in ("CA", "CERTIFICATE", "KEY"))
_UNAUTHORIZED = 401
_OTHER_CA = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Where `requests` takes the authorities from if `CA` names none."""
# An alert, or just an end: by TLS 1.3 a server looks at our certificate when the client is already done.
_NOT_KNOWN = re.compile(
    "alert|certificate required|EOF occurred|ConnectionResetError|Connection reset|RemoteDisconnected|BrokenPipe",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class FlinkTls:
    """Files in PEM.

    Parameters
    ----------
    ca : Path or None
        Certificates of the authorities that may have signed Flink's; None for those of the system.
    certificate, key : Path or None
        Ours, with what it was signed by, and its private key without a password; None to show none.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def flink_tls(environ: Mapping[str, str] = os.environ) -> FlinkTls:
    """Read what the environment names; raise ConfigError if a file is not there, or one of a pair is missing."""
    files = {name: Path(value) for name in (CA, CERTIFICATE, KEY) if (value := environ.get(name))}
    for name, path in files.items():
        if not path.is_file():
            raise ConfigError(f"Expected a file in PEM in {name}, found none at {path}: correct it")
    if (CERTIFICATE in files) != (KEY in files):
        there, missing = (CERTIFICATE, KEY) if CERTIFICATE in files else (KEY, CERTIFICATE)
        raise ConfigError(f"Expected {missing} beside {there}, found it unset: set both or neither")
    return FlinkTls(ca=files.get(CA), certificate=files.get(CERTIFICATE), key=files.get(KEY))


def ask_flink(method: str, url: str, **options: Any) -> requests.Response:
    """Send a request to Flink's REST interface as `stack.http.send` does, by TLS as `flink_tls` says.

    User and password that stand in the address are shown to who asks for them.

    Raises
    ------
    ConfigError
        If the two ends do not believe each other.
    """
    response = _ask(method, url, **options)
    if response.status_code == _UNAUTHORIZED:
        problem = "another user or password" if urlsplit(url).username else "none"
        raise ConfigError(
            f"Expected a user and a password that {_shown(url)} lets in, found {problem}: write Flink's address as "
            "https://USER:PASSWORD@HOST:PORT"
        )
    return response


def client_headers(flink_url: str) -> dict[str, str]:
    """Return the variable by which Flink's client shows the user and password of an address, if it has them.

    >>> client_headers("https://ann:s%2Fx@flink.example"), client_headers("http://flink.example")
    ({'FLINK_REST_CLIENT_HEADERS': 'Authorization:Basic YW5uOnMveA=='}, {})
    """
    parts = urlsplit(flink_url)
    if parts.username is None:
        return {}
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"FLINK_REST_CLIENT_HEADERS": f"Authorization:Basic {base64.b64encode(login.encode()).decode()}"}


def _ask(method: str, url: str, **options: Any) -> requests.Response:
    if urlsplit(url).scheme != "https":
        return send(method, url, **options)
    tls = flink_tls()
    named_by = CA if tls.ca else next((name for name in _OTHER_CA if os.environ.get(name)), CA)
    verify = str(tls.ca) if tls.ca else os.environ.get(named_by) or True
    pair = (str(tls.certificate), str(tls.key)) if tls.certificate else None
    try:
        return send(method, url, verify=verify, cert=pair, **options)
    except requests.RequestException as error:
        if found := _tls_problem(error, named_by):
            problem, advice = found
            raise ConfigError(f"Expected TLS with Flink at {_shown(url)}, found {problem}: {advice}") from error
        raise
    except OSError as error:
        raise ConfigError(f"Expected certificates in PEM for Flink, found {error}: correct {named_by}") from error


def _tls_problem(error: requests.RequestException, named_by: str) -> tuple[str, str] | None:
    """Return what went wrong with a certificate and what to do; None if it was something else."""
    said = str(error)
    if "NO_CERTIFICATE_OR_CRL_FOUND" in said:
        return "no certificate in the file of the authority", f"correct {named_by}"
    if "[SSL] PEM lib" in said or "KEY_VALUES_MISMATCH" in said:
        return "a certificate and a key that do not belong together", f"correct {CERTIFICATE} and {KEY}"
    if problem := certificate_error(error):
        return problem, f"let {CA} name the authority of Flink's certificate"
    if "WRONG_VERSION_NUMBER" in said:
        return "no TLS at all", "write the address with http://"
    if _NOT_KNOWN.search(said):
        ours = f"let {CERTIFICATE} and {KEY} name a certificate of ours that it knows"
        return "that it ends the connection, as with whom it does not know", ours
    return None


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def rest_port(address: SplitResult) -> int:
    """Return the port of a Flink's address, the scheme's own if it names none."""
    return address.port or (443 if address.scheme == "https" else 80)
