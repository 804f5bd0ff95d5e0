"""Which Maven repository the jars come from."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

from stack.user_folders import user_home
from udfs.errors import ConfigError


def repository_url(environ: Mapping[str, str] = os.environ) -> str:
    """Return the repository's address: MAVEN_REPO_URL, else Maven's mirror of Central, else Central itself."""
    named = environ.get("MAVEN_REPO_URL")
    if named:
        return named.rstrip("/")
    for path in _settings_files(environ):
        for mirror in _mirrors(path):
            return mirror.rstrip("/")
    return central_url()


def central_url() -> str:
    """Return the address of Maven Central, as Beam has it, which PyFlink brings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what Beam imports
        # It takes half a second, which nobody waits for who has a mirror or all the jars.
        from apache_beam.utils.subprocess_server import JavaJarServer
    return str(JavaJarServer.MAVEN_CENTRAL_REPOSITORY).rstrip("/")


def _settings_files(environ: Mapping[str, str]) -> Iterator[Path]:
    yield user_home(environ) / ".m2" / "settings.xml"
    for variable in ("MAVEN_HOME", "M2_HOME"):
        if environ.get(variable):
            yield Path(environ[variable]) / "conf" / "settings.xml"
    yield Path("/etc/maven/settings.xml")


def _mirrors(path: Path) -> Iterator[str]:
    """Yield the addresses of the mirrors that stand in for Central."""
    if not path.is_file():
        return
    try:
        root = ElementTree.parse(path).getroot()  # noqa: S314 - the user's own settings, and Maven reads them too
    except (ElementTree.ParseError, OSError) as error:
        raise ConfigError(
            f"Expected Maven settings in {path}, found something unreadable ({error}): correct it, or set "
            "MAVEN_REPO_URL"
        ) from error
    for mirror in root.iterfind("{*}mirrors/{*}mirror"):
        url = (mirror.findtext("{*}url") or "").strip()
        blocked = (mirror.findtext("{*}blocked") or "").strip() == "true"
        if url and not blocked and _stands_for_central(mirror.findtext("{*}mirrorOf") or ""):
            yield url


def _stands_for_central(mirror_of: str) -> bool:
    patterns = {pattern.strip() for pattern in mirror_of.split(",")}
    return "!central" not in patterns and bool(patterns & {"*", "central", "external:*"})
