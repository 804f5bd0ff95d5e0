from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from stack.java.maven import central_url, repository_url
from stack.ports import without_password
from udfs.errors import ConfigError

MIRROR = "https://mirror.example/maven"


def write_settings(home: Path, mirror_of: str, extra: str = "") -> dict[str, str]:
    folder = home / ".m2"
    folder.mkdir()
    (folder / "settings.xml").write_text(
        f'<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0"><mirrors><mirror><id>m</id>'
        f"<mirrorOf>{mirror_of}</mirrorOf><url>{MIRROR}/</url>{extra}</mirror></mirrors></settings>",
        encoding="utf-8",
    )
    return {"HOME": str(home)}


@pytest.mark.parametrize("mirror_of", ["central", "*", "external:*", "other, central"])
def test_a_mirror_of_central_is_used(tmp_path: Path, mirror_of: str) -> None:
    assert repository_url(write_settings(tmp_path, mirror_of)) == MIRROR


@pytest.mark.parametrize("mirror_of", ["other", "external:http:*", "*,!central"])
def test_another_mirror_is_not_used(tmp_path: Path, mirror_of: str) -> None:
    assert repository_url(write_settings(tmp_path, mirror_of)) != MIRROR


def test_a_blocked_mirror_is_not_used(tmp_path: Path) -> None:
    assert repository_url(write_settings(tmp_path, "*", "<blocked>true</blocked>")) != MIRROR


def test_maven_home_has_settings_too(tmp_path: Path) -> None:
    write_settings(tmp_path, "central")
    (tmp_path / ".m2").rename(tmp_path / "conf")
    assert repository_url({"HOME": str(tmp_path), "MAVEN_HOME": str(tmp_path)}) == MIRROR


def test_the_environment_comes_first(tmp_path: Path) -> None:
    environ = write_settings(tmp_path, "central") | {"MAVEN_REPO_URL": "https://named.example/x/"}
    assert repository_url(environ) == "https://named.example/x"


def test_broken_settings_are_named(tmp_path: Path) -> None:
    environ = write_settings(tmp_path, "central")
    (tmp_path / ".m2" / "settings.xml").write_text("<settings>", encoding="utf-8")
    with pytest.raises(ConfigError, match="settings.xml"):
        repository_url(environ)


def test_maven_central_is_an_https_address() -> None:
    address = urlsplit(central_url())
    assert (address.scheme, address.path) == ("https", "/maven2")


def test_a_shown_address_has_no_password() -> None:
    assert without_password("https://user:sesame@mirror.example:8443/maven") == "https://mirror.example:8443/maven"
