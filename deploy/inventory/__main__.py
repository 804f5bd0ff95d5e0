"""`python -m deploy.inventory sbom|notices|ages`: what of others is delivered, and how old it is."""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deploy.inventory.ages import jar_releases, python_releases
from deploy.inventory.jar_parts import jar_parts
from deploy.inventory.notices import write_notices
from deploy.inventory.part import Part
from deploy.inventory.python_parts import needed_by, python_parts
from deploy.inventory.sbom import write_sbom
from deploy.inventory.system_parts import system_parts
from udfs.errors import PipelineError

ROOT: Final = Path(__file__).resolve().parents[2]


def collect(root: Path = ROOT) -> list[Part]:
    """Return every part of others that is delivered, each Python package with what it needs."""
    packages = python_parts(root)
    purls = {part.name: part.purl for part in packages}
    users = needed_by(root)
    needs = {
        part.name: tuple(
            sorted(purls[name] for name, used_by in users.items() if part.name in used_by and name in purls)
        )
        for part in packages
    }
    jars = jar_parts()
    needs["apache-flink"] += tuple(part.purl for part in jars if part.source == "apache-flink")
    parts = [*(replace(part, needs=needs[part.name]) for part in packages), *jars, *system_parts(root)]
    return list({part.purl: part for part in parts}.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what is asked for; a mistake is one sentence, with exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m deploy.inventory", description="Say what of others is delivered.")
    parser.add_argument(
        "what", choices=["sbom", "notices", "ages"], help="CycloneDX in JSON, licences, or release days"
    )
    parser.add_argument("--out", type=Path, help="file to write; else standard output")
    asked = parser.parse_args(arguments)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    try:
        text = _ages() if asked.what == "ages" else _inventory(asked.what, project["name"], project["version"])
        if asked.out is None:
            print(text, end="")
        else:
            asked.out.write_text(text, encoding="utf-8")
    except (PipelineError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


def _inventory(what: str, name: str, version: str) -> str:
    write = write_sbom if what == "sbom" else write_notices
    return write(name, version, collect())


def _ages() -> str:
    today = datetime.now(UTC).date()
    released = python_releases(ROOT) | jar_releases()
    return "".join(f"{name} {day} {(today - day).days} days\n" for name, day in sorted(released.items()))


if __name__ == "__main__":
    raise SystemExit(main())
