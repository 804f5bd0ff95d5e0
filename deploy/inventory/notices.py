"""The inventory for people: who made what is delivered, under which licence, in which words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deploy.inventory.part import UNKNOWN, Part

_RULE = "=" * 79


def write_notices(name: str, version: str, parts: Sequence[Part]) -> str:
    """Write the list of parts with their licences, then each licence's and notice's text once."""
    listed = sorted(parts, key=lambda part: (part.kind, part.title))
    lines = [f"Third-party parts of {name} {version}", "", *(_line(part) for part in listed), ""]
    lines += [f"{sum(not part.licences for part in parts)} of {len(parts)} parts do not say their licence."]
    return "\n".join([*lines, *_texts(listed)]) + "\n"


def _line(part: Part) -> str:
    return f"{part.kind:7} {part.title} {part.version or '(not pinned)'}: {', '.join(part.licences) or UNKNOWN}"


def _texts(parts: Sequence[Part]) -> Iterator[str]:
    owners: dict[str, list[str]] = {}
    for part in parts:
        for file_name, text in part.notices:
            owners.setdefault(text.strip(), []).append(f"{part.title} {part.version}: {file_name}")
    for text, places in owners.items():
        yield from ("", _RULE, *places, _RULE, "", text)
