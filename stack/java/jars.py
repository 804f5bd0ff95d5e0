"""The jars that do not come with a wheel: Kafka's broker, Flink's connectors, and what develops Java.

`jars.lock` names each with its coordinates, sha256 and size. A jar is copied from the local Maven repository or
downloaded, and is used only if its checksum is right.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Literal

import requests
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential

from stack.java.maven import repository_url
from stack.ports import may_pass, without_password
from stack.user_folders import user_cache_folder, user_home
from udfs.certificate_errors import CERTIFICATE_ADVICE, certificate_error
from udfs.errors import ArtifactError, ConfigError, ServiceUnavailable

LOCK_PATH = Path(__file__).with_name("jars.lock")
N_DOWNLOADS_AT_ONCE = 6
TIMEOUT_S = 30
CHUNK_BYTES = 1 << 18
BYTES_PER_MB = 1e6


@dataclass(frozen=True)
class Jar:
    """One line of the lock."""

    set_name: str
    group: str
    artifact: str
    version: str
    sha256: str
    size_bytes: int

    @property
    def file_name(self) -> str:
        """Name of the file, as Maven gives it."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def repository_path(self) -> str:
        """Place in a Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.file_name}"


@cache
def locked_jars(lock_path: Path = LOCK_PATH) -> tuple[Jar, ...]:
    """Read the lock."""
    lines = lock_path.read_text(encoding="utf-8").splitlines()
    return tuple(_parse(line) for line in lines if line and not line.startswith("#"))


def cache_folder() -> Path:
    """Return where the jars are kept."""
    return user_cache_folder() / "jars"


def ensure_jars(
    set_name: Literal["broker", "flink", "development", "kubernetes", "tools"], progress: Callable[[str], None]
) -> list[Path]:
    """Return the files of one set, after fetching those that are missing.

    Parameters
    ----------
    set_name : {"broker", "flink", "development", "kubernetes", "tools"}
        What the jars are for.
    progress : callable
        Called with a line of text when there is something to fetch.

    Raises
    ------
    ServiceUnavailable
        If the repository does not answer.
    ConfigError
        If it has no such jar, its address is none, or there is nowhere to keep a jar.
    ArtifactError
        If the checksum of a jar is wrong.
    """
    jars = [jar for jar in locked_jars() if jar.set_name == set_name]
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        missing = [jar for jar in jars if not _is_cached(jar, folder)]
        if missing:
            _fetch(missing, folder, progress)
    except OSError as error:
        raise ConfigError(
            f"Expected to keep jars in {folder}, found {error.strerror}: set XDG_CACHE_HOME to another folder"
        ) from error
    return [folder / jar.file_name for jar in jars]


@dataclass(frozen=True)
class CachedJars:
    """What of one set is in the cache."""

    set_name: str
    right: list[Jar]
    wrong: list[Jar]
    missing: list[Jar]


def cached_jars() -> list[CachedJars]:
    """Look at what is in the cache, without changing it; a jar is wrong if its checksum is not the lock's."""
    folder = cache_folder()
    found: dict[str, CachedJars] = {}
    for jar in locked_jars():
        state = found.setdefault(jar.set_name, CachedJars(jar.set_name, [], [], []))
        path = folder / jar.file_name
        place = state.missing if not path.is_file() else state.right if _sha256(path) == jar.sha256 else state.wrong
        place.append(jar)
    return list(found.values())


def _parse(line: str) -> Jar:
    set_name, coordinates, sha256, size_bytes = line.split()
    group, artifact, version = coordinates.split(":")
    return Jar(set_name, group, artifact, version, sha256, int(size_bytes))


def _is_cached(jar: Jar, folder: Path) -> bool:
    """Tell whether the right file is there; a wrong one is removed."""
    path = folder / jar.file_name
    if not path.is_file():
        return False
    if _sha256(path) == jar.sha256:
        return True
    path.unlink()
    return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(jars: list[Jar], folder: Path, progress: Callable[[str], None]) -> None:
    url = repository_url()
    megabytes = sum(jar.size_bytes for jar in jars) / BYTES_PER_MB
    progress(f"Fetching {len(jars)} jars ({megabytes:.0f} MB, once) from {without_password(url)}")
    with ThreadPoolExecutor(N_DOWNLOADS_AT_ONCE) as pool:
        futures = [pool.submit(_fetch_one, jar, folder, url) for jar in jars]
        try:
            for number, future in enumerate(futures, start=1):
                future.result()
                if number % 10 == 0 or number == len(jars):
                    progress(f"Fetched {number} of {len(jars)} jars")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _fetch_one(jar: Jar, folder: Path, url: str) -> None:
    local = user_home() / ".m2" / "repository" / jar.repository_path
    with _new_file(folder / jar.file_name) as file:
        if local.is_file() and _sha256(local) == jar.sha256:
            with local.open("rb") as source:
                shutil.copyfileobj(source, file)
        else:
            _download(jar, f"{url}/{jar.repository_path}", file)


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes its name only when it is complete."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            yield file
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _download(jar: Jar, url: str, file: IO[bytes]) -> None:
    shown = without_password(url)
    try:
        found = _write_body(url, file)
    except OSError as error:
        if not isinstance(error, requests.RequestException) and error.errno is not None:
            raise  # of the file, not of the network
        kind = ServiceUnavailable if may_pass(error) else ConfigError
        raise kind(f"Expected to download {shown}, found {_cause(error)}: {_advice(error)}") from error
    if found != jar.sha256:
        raise ArtifactError(
            f"Expected {shown} to have sha256 {jar.sha256}, found {found} and removed the file: check the mirror"
        )


@retry(retry=retry_if_exception(may_pass), stop=stop_after_attempt(3), wait=wait_exponential(max=4), reraise=True)
def _write_body(url: str, file: IO[bytes]) -> str:
    """Download into a file from its start and return the sha256."""
    file.seek(0)
    file.truncate()
    digest = hashlib.sha256()
    with requests.get(url, stream=True, timeout=TIMEOUT_S) as response:
        response.raise_for_status()
        for chunk in response.iter_content(CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _cause(error: OSError) -> str:
    if not isinstance(error, requests.RequestException):
        return f"no certificate authorities ({error})"
    if error.response is not None:
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, ValueError):
        return f"an address that is none ({error})"
    if isinstance(error, requests.exceptions.ProxyError):
        return "no answer from the proxy in the environment"
    return certificate_error(error) or ("no answer in time" if isinstance(error, requests.Timeout) else "no connection")


def _advice(error: OSError) -> str:
    if isinstance(error, requests.exceptions.ProxyError):
        return "check HTTPS_PROXY and HTTP_PROXY, or name the repository in NO_PROXY"
    if certificate_error(error) or not isinstance(error, requests.RequestException):
        return CERTIFICATE_ADVICE
    return "check the network, or set MAVEN_REPO_URL to a mirror"
