"""The configuration file: defaults for options, below flags and environment."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from typer.core import TyperCommand, TyperGroup, TyperOption

from udfs.errors import ConfigError

NAME: Final = "fingerprint.toml"
VARIABLE: Final = "FINGERPRINT_CONFIG"

_DATABASES: Final = tuple(f"{role}database_url" for role in ("", "job_", "model_", "redrive_", "reader_"))
KEYS: Final[Mapping[str, type]] = {
    **dict.fromkeys(("kafka", "flink", *_DATABASES, "topic", "model", "worker_python"), str),
    **dict.fromkeys(("kafka_port", "flink_port", "postgres_port", "prometheus_port"), int),
}
"""What the file may say: options by their names, each the default of every command that has it."""

_TYPES: Final = {str: "a text in quotes", int: "a whole number"}
_COMMANDS_WITH_MODEL: Final = ("score", "explain", "submit")
"""The option means another thing elsewhere."""


def find_configuration(environ: Mapping[str, str], folder: Path) -> Path | None:
    """Find the file that is in use: the one that the environment names, else `fingerprint.toml` in a folder.

    Raises
    ------
    ConfigError
        If the environment names none that is there.
    """
    named = environ.get(VARIABLE)
    if not named:
        return folder / NAME if (folder / NAME).is_file() else None
    path = folder / named
    if not path.is_file():
        raise ConfigError(f"Expected {VARIABLE} to name a file, found none at {path}: correct or unset it")
    return path


def read_configuration(path: Path) -> dict[str, str | int]:
    """Read a file.

    Raises
    ------
    ConfigError
        If it is no TOML, or has a key or a value that is none of `KEYS`.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"Expected to read {path}, found {error.strerror}: correct its rights") from error
    except ValueError as error:  # of tomllib and of the decoder
        raise ConfigError(f"Expected {path} to be TOML, found {error}: correct it") from error
    for key, value in values.items():
        if key not in KEYS:
            similar = difflib.get_close_matches(key, KEYS, n=1)
            remedy = f"did you mean {similar[0]}?" if similar else f"it may have {', '.join(KEYS)}"
            raise ConfigError(f"Expected an option in {path}, found {key}: {remedy}")
        if type(value) is not KEYS[key]:
            raise ConfigError(f"Expected {key} in {path} to be {_TYPES[KEYS[key]]}, found {value!r}: correct it")
    return values


def defaults_of(command: Any, values: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    """Lay out what a file says as the `default_map` of a command of Typer's and those below it."""
    if isinstance(command, TyperGroup):
        return {name: defaults_of(below, values, name) for name, below in command.commands.items()}
    found = {}
    for parameter in command.params if isinstance(command, TyperCommand) else ():
        key = _key_of(parameter, name)
        if key in values:
            found[str(parameter.name)] = values[key]
        elif key.endswith("_database_url") and "database_url" in values:
            found[str(parameter.name)] = values["database_url"]
    return found


def _key_of(parameter: Any, command: str) -> str:
    """Return the key of the file that is an option's; it need not be one of `KEYS`."""
    variable = parameter.envvar
    if isinstance(variable, list) and variable[0].endswith("DATABASE_URL"):
        return str(variable[0]).lower()
    is_option = isinstance(parameter, TyperOption)
    return str(parameter.name) if is_option and (parameter.name != "model" or command in _COMMANDS_WITH_MODEL) else ""
