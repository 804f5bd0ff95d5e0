"""The network as the user's machine is set up: proxies, and the certificate authorities of a firm."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Final

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_NO_PROXY: Final = ("NO_PROXY", "no_proxy")
_AUTHORITIES: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
"""Where a file of authorities may be named; the first counts for what has none of its own."""


def adopt_network_settings(environ: MutableMapping[str, str] = os.environ, files: Sequence[Path] | None = None) -> None:
    """Let every client of this process and of its children go by the same settings.

    Parameters
    ----------
    environ : mutable mapping
        Gets this machine into NO_PROXY if there is a proxy, and one file of authorities into SSL_CERT_FILE and
        REQUESTS_CA_BUNDLE, where none is named there: that of another variable, else of pip's files.
    files : sequence of Path, optional
        Pip's files, those that count most first; by default those that pip itself reads.
    """
    if any(environ.get(name) or environ.get(name.lower()) for name in _PROXIES):
        named = ",".join(value for name in _NO_PROXY if (value := environ.get(name)))
        hosts = dict.fromkeys(host for part in named.split(",") if (host := part.strip()))
        for name in _NO_PROXY:
            environ[name] = ",".join(dict.fromkeys([*hosts, *_LOOPBACK]))
    authorities = next((value for name in _AUTHORITIES if (value := environ.get(name))), None)
    authorities = authorities or next(_named_in(_pip_files(environ) if files is None else files), None)
    if authorities:
        environ.setdefault("SSL_CERT_FILE", authorities)
        if not environ.get("CURL_CA_BUNDLE"):
            environ.setdefault("REQUESTS_CA_BUNDLE", authorities)


def _pip_files(environ: MutableMapping[str, str]) -> list[Path]:
    """Return the files that pip reads, its own order turned round."""
    chosen = environ.get("PIP_CONFIG_FILE")
    home = Path(environ.get("HOME") or os.devnull)
    user = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    machine = [
        Path(folder) / "pip" / "pip.conf" for folder in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
    ]
    if chosen == os.devnull:
        return []
    return [
        *([Path(chosen)] if chosen else []),
        Path(sys.prefix) / "pip.conf",
        user,
        home / ".pip" / "pip.conf",
        Path("/etc/pip.conf"),
        *machine,
    ]


def _named_in(files: Sequence[Path]) -> Iterator[str]:
    for path in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, OSError, ValueError):
            continue  # pip itself says what is wrong there
        for section in ("install", "global"):
            if named := parser.get(section, "cert", fallback=""):
                yield str(Path(named).expanduser())
