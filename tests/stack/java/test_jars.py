from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests

from stack.java import jars
from stack.java.jars import Jar, ensure_jars, locked_jars
from udfs.errors import ArtifactError, ConfigError

CONTENT = b"not really a jar"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def jar(monkeypatch: pytest.MonkeyPatch) -> Jar:
    jar = Jar("flink", "org.example", "thing", "1.0", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    monkeypatch.setattr(jars, "locked_jars", lambda: (jar,))
    return jar


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "home"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "repository"
    folder.mkdir()
    with HTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("MAVEN_REPO_URL", f"http://user:sesame@127.0.0.1:{server.server_port}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield folder
        server.shutdown()
        thread.join()


def put(folder: Path, jar: Jar, content: bytes) -> None:
    path = folder / jar.repository_path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def cached_names(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "cache" / "exchange-fingerprint" / "jars").iterdir()]


def test_the_lock_has_all_sets_with_checksums_and_sizes() -> None:
    found = locked_jars()
    assert {jar.set_name for jar in found} == {"broker", "flink", "development", "kubernetes", "tools"}
    assert all(len(jar.sha256) == 64 and int(jar.sha256, 16) >= 0 and jar.size_bytes > 0 for jar in found)
    for name in ("broker", "flink", "development", "kubernetes", "tools"):
        files = [jar.file_name for jar in found if jar.set_name == name]
        assert len(files) == len(set(files))
    assert "org/apache/kafka/kafka_2.13/4.4.0/kafka_2.13-4.4.0.jar" in [jar.repository_path for jar in found]


def test_a_jar_is_downloaded_once(jar: Jar, home: Path, repository: Path, tmp_path: Path) -> None:
    put(repository, jar, CONTENT)
    lines: list[str] = []
    assert [path.read_bytes() for path in ensure_jars("flink", lines.append)] == [CONTENT]
    assert any("Fetching 1 jars" in line for line in lines)
    assert "sesame" not in " ".join(lines)
    put(repository, jar, b"gone")
    lines.clear()
    ensure_jars("flink", lines.append)
    assert lines == []


def test_a_wrong_checksum_is_refused_and_the_file_removed(
    jar: Jar, home: Path, repository: Path, tmp_path: Path
) -> None:
    put(repository, jar, b"something else")
    with pytest.raises(ArtifactError, match="thing-1.0.jar to have sha256") as caught:
        ensure_jars("flink", lambda _line: None)
    assert "sesame" not in str(caught.value)
    assert cached_names(tmp_path) == []


def test_a_spoilt_copy_in_the_cache_is_fetched_again(jar: Jar, home: Path, repository: Path) -> None:
    put(repository, jar, CONTENT)
    (path,) = ensure_jars("flink", lambda _line: None)
    path.write_bytes(b"spoilt")
    assert ensure_jars("flink", lambda _line: None)[0].read_bytes() == CONTENT


def test_the_local_maven_repository_comes_first(jar: Jar, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAVEN_REPO_URL", "http://127.0.0.1:1")
    put(home / ".m2" / "repository", jar, CONTENT)
    assert ensure_jars("flink", lambda _line: None)[0].read_bytes() == CONTENT


def test_a_wrong_jar_in_the_local_maven_repository_is_not_used(jar: Jar, home: Path, repository: Path) -> None:
    put(home / ".m2" / "repository", jar, b"something else")
    put(repository, jar, CONTENT)
    assert ensure_jars("flink", lambda _line: None)[0].read_bytes() == CONTENT


def test_a_missing_jar_is_named(jar: Jar, home: Path, repository: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="thing-1.0.jar, found HTTP status 404"):
        ensure_jars("flink", lambda _line: None)
    assert cached_names(tmp_path) == []


def test_an_address_that_is_none_is_not_tried_again(
    jar: Jar, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    get = requests.get

    def count(url: str, **options: Any) -> requests.Response:
        tried.append(url)
        return get(url, **options)

    monkeypatch.setattr(requests, "get", count)
    monkeypatch.setenv("MAVEN_REPO_URL", "mirror.example/maven2")
    with pytest.raises(ConfigError, match="found an address that is none .*: check the network, or set MAVEN_REPO_URL"):
        ensure_jars("flink", lambda _line: None)
    assert len(tried) == 1


def test_a_cache_that_cannot_be_written_is_named(jar: Jar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="set XDG_CACHE_HOME"):
        ensure_jars("flink", lambda _line: None)
