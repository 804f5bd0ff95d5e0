"""Where the user's files are, as the XDG Base Directory Specification has it."""

from __future__ import annotations

from pathlib import Path

from stack.user_folders import user_cache_folder, user_home, user_state_folder


def test_an_empty_home_variable_falls_back_to_the_account() -> None:
    assert user_home({"HOME": ""}).is_absolute()


def test_folders_are_in_the_home_unless_a_variable_names_another_place() -> None:
    assert user_cache_folder({"HOME": "/home/ann"}) == Path("/home/ann/.cache/exchange-fingerprint")
    assert user_state_folder({"HOME": "/home/ann"}) == Path("/home/ann/.local/state/exchange-fingerprint")
    assert user_cache_folder({"HOME": "/home/ann", "XDG_CACHE_HOME": "/c"}) == Path("/c/exchange-fingerprint")
    assert user_state_folder({"HOME": "/home/ann", "XDG_STATE_HOME": "/s"}) == Path("/s/exchange-fingerprint")
    assert user_state_folder({"HOME": "/home/ann", "XDG_STATE_HOME": ""}) == user_state_folder({"HOME": "/home/ann"})
