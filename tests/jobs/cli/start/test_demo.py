"""The demo plays on a stack of its own, and never on one that is in use."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.cli.start.demo import kept_settings, own_settings
from stack.settings import StackSettings, write_settings
from stack.stack_status import PartStatus, StackStatus, write_status
from udfs.errors import ConfigError


def let_a_stack_be_in(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    write_status(StackStatus(home=home, parts=[PartStatus(name="kafka", address="127.0.0.1:9092", state="external")]))


def test_a_stack_of_the_user_is_left_alone(tmp_path: Path) -> None:
    let_a_stack_be_in(tmp_path)
    own = own_settings(tmp_path)
    assert own.home == tmp_path / "demo"
    assert (own.kafka_port, own.flink_port, own.postgres_port) == (0, 0, 0)


def test_two_demos_do_not_share_a_stack(tmp_path: Path) -> None:
    let_a_stack_be_in(tmp_path / "demo")
    with pytest.raises(ConfigError, match="one demo at a time.*down --delete-data --home"):
        own_settings(tmp_path)


def test_what_stays_takes_the_ports_of_the_home(tmp_path: Path) -> None:
    write_settings(StackSettings(home=tmp_path, kafka_port=19092))
    assert kept_settings(tmp_path) == StackSettings(home=tmp_path, kafka_port=19092)


def test_what_stays_does_not_fill_a_stack_in_use(tmp_path: Path) -> None:
    let_a_stack_be_in(tmp_path)
    with pytest.raises(ConfigError, match=r"Expected no stack in .*, found one: stop it first"):
        kept_settings(tmp_path)
