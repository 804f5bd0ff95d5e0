"""The layout and the places of imports that docs/architecture.md names are those of the checkout."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache

import pytest

from fingerprint_testing.paths import ROOT

DOCUMENT = (ROOT / "docs" / "architecture.md").read_text()
PACKAGES = ("exchange_fingerprint", "api", "jobs", "udfs", "synthetic", "ingest", "model", "stack")
CODE = {".py", ".java", ".sql", ".yaml", ".yml"}
NO_PRODUCT = {"build", "dist", "docs", "tests"}


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", DOCUMENT, flags=re.MULTILINE | re.DOTALL)
    assert found is not None, f"Expected a section {title} in docs/architecture.md"
    return found[1]


def listed_folders() -> list[str]:
    """Read the tree: the folders of its first two levels, as paths."""
    tree = re.search(r"```\n(.*?)```", section("Layout"), flags=re.DOTALL)
    assert tree is not None
    folders: list[str] = []
    top = ""
    for line in tree[1].splitlines():
        entry = re.fullmatch(r"(  )?(\w+)/ +\S.*", line)
        assert entry is not None, f"Expected a folder and what it is for, found {line!r}"
        top = top if entry[1] else entry[2]
        folders.append(f"{top}/{entry[2]}" if entry[1] else top)
    return folders


def product_folders() -> set[str]:
    """Return the folders of the first two levels that hold code of the product."""
    tops = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")]
    tops = [path for path in tops if path.name not in NO_PRODUCT and path.suffix != ".egg-info"]
    files = [path.relative_to(ROOT) for top in tops for path in top.rglob("*") if path.suffix in CODE]
    return {"/".join(file.parts[:depth]) for file in files for depth in (1, 2) if len(file.parts) > depth}


def test_every_folder_of_the_tree_exists() -> None:
    assert [folder for folder in listed_folders() if not (ROOT / folder).is_dir()] == []


def test_every_folder_with_code_is_in_the_tree_once() -> None:
    listed = listed_folders()
    assert len(listed) == len(set(listed))
    assert sorted(product_folders() - set(listed)) == []


@cache
def imported_libraries() -> dict[str, set[str]]:
    """Return, by file of the product, the top-level names that it imports and that are not its own."""
    found: dict[str, set[str]] = {}
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                names.add(node.module.partition(".")[0])
        found[path.relative_to(ROOT).as_posix()] = names - sys.stdlib_module_names - set(PACKAGES)
    return found


def promised_places() -> dict[str, list[str]]:
    """Read the table of libraries: by library, the files and folders that may import it."""
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (`[^|]+`) \|", section("Who may import whom"), flags=re.MULTILINE)
    return {
        library: re.findall(r"`([^`]+)`", places)
        for libraries, places in rows
        for library in re.findall(r"\w+", libraries)
    }


@pytest.mark.parametrize("library", promised_places())
def test_a_library_is_imported_where_the_table_says(library: str) -> None:
    files = {file for file, names in imported_libraries().items() if library in names}
    places = promised_places()[library]
    assert files
    for place in places:
        assert any(file == place or file.startswith(f"{place}/") for file in files), f"nothing in {place} imports it"
    assert [file for file in sorted(files) if not any(f"{file}/".startswith(f"{place}/") for place in places)] == []


def test_features_import_numpy_alone() -> None:
    imported = imported_libraries()
    names = [imported[file] for file in imported if file.startswith("udfs/features/")]
    assert set.union(*names) == {"numpy"}


def test_no_worker_of_the_job_loads_the_optimiser() -> None:
    code = "import sys, model.registry.topic_models, udfs.pandas_udfs; sys.exit('scipy.optimize' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0
