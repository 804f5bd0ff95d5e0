"""Programs: PostgreSQL in its wheel, the images that containers are made from, and what is installed on top."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.inventory.part import Part
from stack.services.postgres import WHEEL, server_version

DOCKERFILE: Final = "deploy/flink/Dockerfile"
COMPOSE: Final = "docker-compose.yml"


def system_parts(root: Path) -> list[Part]:
    """Ask PostgreSQL, and read the Dockerfile and the Compose file; what lies in an image is its maker's to list."""
    dockerfile = (root / DOCKERFILE).read_text(encoding="utf-8")
    project: dict[str, Any] = yaml.safe_load((root / COMPOSE).read_text(encoding="utf-8"))
    named = [(image, DOCKERFILE) for image in re.findall(r"^FROM (?:--\S+ )?(\S+)", dockerfile, flags=re.MULTILINE)]
    named += [(service["image"], COMPOSE) for service in project["services"].values() if "build" not in service]
    images = {image: source for image, source in named}
    return [_postgres(), *(_image(image, source) for image, source in images.items()), *_debian_parts(dockerfile)]


def _postgres() -> Part:
    version = server_version()
    purl = f"pkg:generic/postgresql@{version}"
    return Part(kind="program", name="postgresql", version=version, purl=purl, source=WHEEL.replace("_", "-"))


def _image(image: str, source: str) -> Part:
    tagged, _, digest = image.partition("@")
    name, _, tag = tagged.partition(":")
    version = digest or tag
    return Part(kind="image", name=name, version=tag, purl=f"pkg:docker/{name}@{version}", source=source)


def _debian_parts(dockerfile: str) -> list[Part]:
    found = re.search(r"apt-get install .*?--no-install-recommends ([^\\&]+)", dockerfile)
    names = found[1].split() if found else []
    return [
        Part(kind="debian", name=name, version="", purl=f"pkg:deb/debian/{name}", source=DOCKERFILE) for name in names
    ]
