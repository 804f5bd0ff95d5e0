"""Text from outside as a terminal may be given it."""

from __future__ import annotations


def visible(text: str) -> str:
    r"""Escape what a terminal would obey or not show; lines stay lines.

    >>> print(visible("kra\u200bken \u202eneparb\x1b[2J, café"))
    kra\u200bken \u202eneparb\x1b[2J, café
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def on_one_line(text: str) -> str:
    r"""Escape as `visible` does, and line feeds: a file's name may hold one.

    >>> print(on_one_line("a\nb"))
    a\nb
    """
    return visible(text).replace("\n", "\\n")


def visible_json(text: str) -> str:
    r"""Escape in JSON on one line what a terminal would obey or not show: all of it stands in strings.

    >>> print(visible_json('"kra\u200bken \U000e0041"'))
    "kra\u200bken \udb40\udc41"
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
