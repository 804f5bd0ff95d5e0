"""Numbers as people say them."""

from __future__ import annotations

from typing import Final

_UNITS: Final = (("day", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def counted(n: int, singular: str, plural: str = "") -> str:
    """Write a number with its noun.

    >>> counted(1, "recording"), counted(1200, "recording"), counted(0, "class", "classes")
    ('1 recording', '1,200 recordings', '0 classes')
    """
    return f"{n:,} {singular if n == 1 else plural or f'{singular}s'}"


def spoken_duration(seconds: float) -> str:
    """Write a duration by its two largest units; below 10 s to the tenth.

    >>> spoken_duration(0.25), spoken_duration(59.96), spoken_duration(2700), spoken_duration(193.7)
    ('0.2 s', '1 min', '45 min', '3 min 14 s')
    >>> spoken_duration(7 * 3600 + 20), spoken_duration(90_000), spoken_duration(259_200)
    ('7 h', '1 day 1 h', '3 days')
    """
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    largest = next(i for i, (_, size) in enumerate(_UNITS) if round(seconds) >= size)
    (name, size), smaller = _UNITS[largest], _UNITS[min(largest + 1, len(_UNITS) - 1)]
    whole = round(seconds / smaller[1]) * smaller[1]
    if largest and whole >= _UNITS[largest - 1][1]:
        return spoken_duration(_UNITS[largest - 1][1])
    first, rest = divmod(whole, size)
    parts = [counted(first, name) if name == "day" else f"{first} {name}"]
    if rest:
        parts.append(f"{rest // smaller[1]} {smaller[0]}")
    return " ".join(parts)
