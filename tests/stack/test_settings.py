from __future__ import annotations

from pathlib import Path

import pytest

from stack.settings import StackSettings, read_settings, settings_like_last_time, write_settings
from udfs.errors import ConfigError


def test_written_settings_are_refresh(tmp_path: Path) -> None:
    settings = StackSettings(home=tmp_path, kafka_port=19092, database_url="postgresql://user:sesame@db/x")
    write_settings(settings)
    assert read_settings(tmp_path) == settings
    assert (tmp_path / "settings.json").stat().st_mode & 0o077 == 0


def test_a_password_stays_out_of_repr(tmp_path: Path) -> None:
    assert "sesame" not in repr(StackSettings(home=tmp_path, database_url="postgresql://user:sesame@db/x"))


def test_only_what_the_user_chose_counts_as_chosen(tmp_path: Path) -> None:
    assert set(StackSettings(home=tmp_path).chosen()) == {"home"}
    assert StackSettings(home=tmp_path, flink_port=0, kafka_port=5).chosen() == {"home": tmp_path, "kafka_port": 5}


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_outside_the_range_is_refused(tmp_path: Path, port: int) -> None:
    with pytest.raises(ConfigError, match="kafka port between 0 and 65535"):
        StackSettings(home=tmp_path, kafka_port=port)


@pytest.mark.parametrize("name", ["two words", "a,b", "a:b", "50%"])
def test_a_home_that_java_or_flink_would_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="without '.' in its name"):
        StackSettings(home=tmp_path / name)


def test_a_home_has_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    assert StackSettings(home=Path("link")).home == tmp_path / "real"


@pytest.mark.parametrize("flink", ["http://flink.example:8081/", "flink.example:8081"])
def test_the_address_of_flink_has_one_form(tmp_path: Path, flink: str) -> None:
    assert StackSettings(home=tmp_path, flink=flink).flink == "http://flink.example:8081"


def test_ports_are_kept_until_others_are_asked_for(tmp_path: Path) -> None:
    write_settings(StackSettings(home=tmp_path, kafka_port=19092, prometheus_port=9090))
    wanted = StackSettings(home=tmp_path)
    kept = settings_like_last_time(wanted, kafka_port=None, flink_port=18081, prometheus_port=None)
    assert (kept.kafka_port, kept.flink_port, kept.prometheus_port) == (19092, 18081, 9090)
    stopped = settings_like_last_time(wanted, kafka_port=None, flink_port=None, prometheus_port=-1)
    assert (stopped.kafka_port, stopped.flink_port, stopped.prometheus_port) == (19092, 8081, None)
    elsewhere = StackSettings(home=tmp_path, flink="http://flink:8081")
    assert settings_like_last_time(elsewhere, prometheus_port=None).prometheus_port is None


def test_a_first_stack_has_the_ports_that_are_documented(tmp_path: Path) -> None:
    names = ("kafka_port", "flink_port", "postgres_port", "prometheus_port")
    settings = StackSettings(home=tmp_path / "new")
    assert settings_like_last_time(settings, **dict.fromkeys(names)) == settings
