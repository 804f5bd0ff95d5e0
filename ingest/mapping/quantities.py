"""Whether a frame shows amounts and prices: what no greeting and no answer to a subscription does."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

_MOST_VALUES: Final = 64
"""So many values of a frame are looked at."""

_DEEPEST: Final = 4
_MOST_ITEMS: Final = 4
_LEAST_NUMBERS: Final = 2
_LONGEST: Final = 40

_DECIMAL: Final = re.compile(r"-?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?")
_DIGITS: Final = re.compile(r"-?[0-9]+")
_PAIR: Final = re.compile(r"[A-Za-z0-9]{2,12}[-_/:][A-Za-z0-9]{2,12}|[A-Z0-9]{5,16}")
"""A market's name, such as `BTC-AUD` or `XBTUSD`."""

_OF_THE_LINE: Final = re.compile(
    r"(?i:time|date|version|interval|limit|code|seq|nonce|status|expir|checksum|level|depth|ping|pong|max|window|count"
    r"|ttl|port|retr|delay|rate_?per|rpc)|lag|^ts$|^v$|^api|(?<!b)id$|Id$|ID$",
)
"""Keys of numbers that describe the line, the frame or a thing's name, not an amount of it."""


def shows_quantity(body: object) -> bool:
    """Tell whether an object shows an amount.

    One number with a fraction is enough, as a number or as text, or a list of numbers in a list; of whole numbers there
    have to be two, and a text beside them that is written as markets are. Keys that speak of the line do not count.

    >>> shows_quantity({"best": "7370.1"}), shows_quantity({"version": "1.2", "ping_interval": 25000})
    (True, False)
    """
    return _Search().finds(body, "", 0)


def shows_own_quantity(fields: dict[str, Any]) -> bool:
    """Tell whether an object shows an amount as one of its own fields, not in an object or a list in it.

    >>> shows_own_quantity({"bid": 1.5}), shows_own_quantity({"products": [{"least": "0.1"}]})
    (True, False)
    """
    search = _Search()
    leaves = (item for item in fields.items() if type(item[1]) is not dict and type(item[1]) is not list)
    return any(search.finds(value, key, 0) for key, value in leaves)


def is_amount(value: object) -> bool:
    """Tell a number with a fraction, also as text.

    >>> [is_amount(value) for value in (1.5, "1.5", 1, "1", "1.5.2")]
    [True, True, False, False, False]
    """
    return type(value) is float or (type(value) is str and len(value) <= _LONGEST and bool(_DECIMAL.fullmatch(value)))


class _Search:
    def __init__(self) -> None:
        self._left = _MOST_VALUES
        self._numbers = 0
        self._pairs = 0

    def finds(self, value: Any, key: str, depth: int) -> bool:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            return False
        if type(value) is dict:
            return "limit" not in key.lower() and any(self.finds(item, name, depth + 1) for name, item in value.items())
        if type(value) is list:
            return self._list_finds(value, key, depth)
        return self._leaf_finds(value, key)

    def _list_finds(self, items: list[Any], key: str, depth: int) -> bool:
        if any(type(item) is list and _are_numbers(item) for item in items[:_MOST_ITEMS]):
            return True
        return any(self.finds(item, key, depth + 1) for item in items[:_MOST_ITEMS])

    def _leaf_finds(self, value: Any, key: str) -> bool:
        is_of_line = len(key) > _LONGEST or _is_of_the_line(key)
        if type(value) is float:
            return not is_of_line
        if type(value) is int:
            self._numbers += not is_of_line
        elif type(value) is str and len(value) <= _LONGEST:
            if _DECIMAL.fullmatch(value):
                return not is_of_line
            if _DIGITS.fullmatch(value):
                self._numbers += not is_of_line
            elif _PAIR.fullmatch(value):
                self._pairs += 1
        return self._numbers >= _LEAST_NUMBERS and self._pairs > 0


@lru_cache(maxsize=4096)
def _is_of_the_line(key: str) -> bool:
    return _OF_THE_LINE.search(key) is not None


def _are_numbers(items: list[Any]) -> bool:
    """Tell a level of a book: a price, an amount, perhaps more."""
    return len(items) >= _LEAST_NUMBERS and all(
        type(item) is int or type(item) is float or (type(item) is str and _is_number(item)) for item in items[:2]
    )


def _is_number(text: str) -> bool:
    return len(text) <= _LONGEST and bool(_DECIMAL.fullmatch(text) or _DIGITS.fullmatch(text))
