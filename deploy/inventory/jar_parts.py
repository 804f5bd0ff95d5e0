"""The jars: those of the lock, and those that lie in the wheel of Flink."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree
from zipfile import ZipFile

from deploy.inventory.part import Part, spdx_of, spdx_or_name
from stack.java.flink_wheel import flink_home
from stack.java.jars import Jar, cache_folder, locked_jars

LOCK: Final = "stack/java/jars.lock"
# What makes and tests the Java functions is not delivered.
DELIVERED: Final = ("broker", "flink")
_NOTICE_FILE: Final = re.compile(
    r"META-INF/([^/]*/)*(licen[cs]e|notice)[^/]*|licen[cs]e[^/]*|notice[^/]*", re.IGNORECASE
)
_HEAD_CHARACTERS: Final = 400


def jar_parts() -> list[Part]:
    """Return each delivered jar once; what is not in the cache has no licence and no notices."""
    locked = {jar.repository_path: jar for jar in locked_jars() if jar.set_name in DELIVERED}
    return [*(_locked_part(jar) for jar in locked.values()), *(_wheel_part(path) for path in wheel_jars())]


def wheel_jars() -> list[Path]:
    """Return the jars that come with PyFlink's wheel."""
    return sorted(flink_home().rglob("*.jar"))


def _locked_part(jar: Jar) -> Part:
    path = cache_folder() / jar.file_name
    licences, notices = read_jar(path) if path.is_file() else ((), ())
    return Part(
        kind="jar",
        group=jar.group,
        name=jar.artifact,
        version=jar.version,
        purl=f"pkg:maven/{jar.group}/{jar.artifact}@{jar.version}",
        source=LOCK,
        sha256=jar.sha256,
        licences=licences,
        notices=notices,
    )


def _wheel_part(path: Path) -> Part:
    named = re.fullmatch(r"(.+?)-(\d[^-]*(?:-[\d.]+)?)\.jar", path.name)
    name, version = (named[1], named[2]) if named else (path.stem, "")
    group = (
        "org.apache.flink"
        if name.startswith("flink")
        else "org.apache.logging.log4j"
        if name.startswith("log4j")
        else ""
    )
    licences, notices = read_jar(path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Part(
        kind="jar",
        group=group,
        name=name,
        version=version,
        purl=f"pkg:maven/{group}/{name}@{version}" if group else f"pkg:generic/{name}@{version}",
        source="apache-flink",
        sha256=sha256,
        licences=licences,
        notices=notices,
    )


def read_jar(path: Path) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return a jar's licences and the texts that come with it.

    The licence is what the manifest's Bundle-License says, else the POM in the jar, else the head of a licence's text.
    """
    with ZipFile(path) as archive:
        names = archive.namelist()
        notices = tuple(
            (name, archive.read(name).decode(errors="replace"))
            for name in names
            if _NOTICE_FILE.fullmatch(name) and not name.endswith((".class", "/"))
        )
        licences = _of_manifest(archive) or _of_poms(archive, names) or _of_texts(notices)
    return licences, notices


def _of_manifest(archive: ZipFile) -> tuple[str, ...]:
    try:
        manifest = archive.read("META-INF/MANIFEST.MF").decode(errors="replace")
    except KeyError:
        return ()
    # A line goes on where the next begins with a space.
    unfolded = re.sub(r"\r?\n ", "", manifest)
    said = re.search(r"^Bundle-License: *(.+?)\r?$", unfolded, flags=re.MULTILINE)
    return spdx_or_name(re.split(r",(?=\s*https?:)", said[1])) if said else ()


def _of_poms(archive: ZipFile, names: Sequence[str]) -> tuple[str, ...]:
    poms = [name for name in names if re.fullmatch(r"META-INF/maven/[^/]+/[^/]+/pom\.xml", name)]
    if len(poms) != 1:  # of several none is the jar's own
        return ()
    root = ElementTree.fromstring(archive.read(poms[0]))  # noqa: S314 - from a jar whose checksum is locked
    return spdx_or_name(_licences_in(root))


def _licences_in(root: ElementTree.Element) -> Iterator[str]:
    for licence in root.iterfind("{*}licenses/{*}license"):
        yield licence.findtext("{*}name") or licence.findtext("{*}url") or ""


def _of_texts(notices: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    texts = [
        text for name, text in notices if re.fullmatch(r"(META-INF/)?licen[cs]e(\.(txt|md))?", name, re.IGNORECASE)
    ]
    found = (spdx_of(text[:_HEAD_CHARACTERS]) for text in texts)
    return tuple(dict.fromkeys(name for name in found if name))
