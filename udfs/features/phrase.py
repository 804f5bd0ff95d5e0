"""How a feature's value is told in a sentence that compares it with what a class typically shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

KEPT_ALIGNMENT: Final = 0.5
"""From here on, arrivals are said to keep to a clock; 50 random ones are aligned by 0.13."""


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """How to tell of one feature.

    Attributes
    ----------
    words : str
        The sentence, with ``{}`` for the number.
    low_words : str
        The sentence below `KEPT_ALIGNMENT`, or ``""`` if it is the same.
    zero_words : str
        The sentence at 0, without a number, or ``""`` if it is the same.
    absent : str
        Said where the value is NaN.
    number : callable
        Writes the value, and the bounds of the class's typical range.
    nothing : str
        The class's range where it is 0 throughout, or ``""`` to write it as a number.
    undefined : str
        The class's range where the class does not define the feature.
    """

    words: str
    low_words: str = ""
    zero_words: str = ""
    absent: str
    number: Callable[[float], str]
    nothing: str = ""
    undefined: str = "none"

    def sentence(self, value: float, number: str) -> str:
        """Put the number into the words that suit the value."""
        if self.zero_words and value == 0:
            return self.zero_words
        return (self.low_words if self.low_words and value < KEPT_ALIGNMENT else self.words).format(number)


def to_percent(share: float) -> str:
    """Write a share: one decimal below 10%.

    >>> to_percent(0.016), to_percent(0.02), to_percent(0.987), to_percent(0.0004)
    ('1.6%', '2%', '99%', '<0.1%')
    """
    percent = 100 * share
    if 0 < percent < 0.05:
        return "<0.1%"
    return f"{percent:.0f}%" if percent >= 10 else f"{percent:.1f}".removesuffix(".0") + "%"


def to_ms(log10_us: float) -> str:
    """Write a duration given as log10(us), to three digits.

    >>> to_ms(2.0), to_ms(4.5), to_ms(7.0)
    ('0.1 ms', '31.6 ms', '10000 ms')
    """
    milliseconds = 10**log10_us / 1_000
    return f"{milliseconds:.0f} ms" if milliseconds >= 100 else f"{milliseconds:.3g} ms"


def to_hundredths(value: float) -> str:
    """Write a value to the hundredth."""
    return f"{value:.2f}"


def to_ratio(value: float) -> str:
    """Write a ratio: three decimals below 0.1.

    >>> to_ratio(1.234), to_ratio(0.012), to_ratio(0.00001), to_ratio(0.0)
    ('1.23', '0.012', '<0.001', '0')
    """
    if 0 < value < 0.0005:
        return "<0.001"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}".rstrip("0").rstrip(".")


def to_bytes(log10_bytes: float) -> str:
    """Write a size given as log10(bytes).

    >>> to_bytes(2.6064)
    '404 bytes'
    """
    return f"{10**log10_bytes:.0f} bytes"


def to_whole(value: float) -> str:
    """Write a value without decimals."""
    return f"{value:.0f}"


def share_phrase(
    words: str, zero_words: str, *, absent: str = "", nothing: str = "none", undefined: str = "none"
) -> Phrase:
    """Tell of a share of something, in percent, which stands where ``{}`` is."""
    return Phrase(
        words=words, zero_words=zero_words, absent=absent, number=to_percent, nothing=nothing, undefined=undefined
    )


def messages_phrase(what_they_do: str, what_none_does: str) -> Phrase:
    """Tell of a share of the messages, of which there always are some."""
    return share_phrase(f"{{}} of the messages {what_they_do}", f"no message {what_none_does}")


def ratio_phrase(words: str, *, absent: str) -> Phrase:
    """Tell of a ratio, which stands where ``{}`` is."""
    return Phrase(words=words, number=to_ratio, absent=absent)


def duration_phrase(words: str, *, absent: str) -> Phrase:
    """Tell of a duration given as log10(us), which stands where ``{}`` is."""
    return Phrase(words=words, number=to_ms, absent=absent)


def size_phrase(words: str, *, absent: str) -> Phrase:
    """Tell of a size given as log10(bytes), which stands where ``{}`` is."""
    return Phrase(words=words, number=to_bytes, absent=absent)


def count_phrase(words: str, *, absent: str, undefined: str) -> Phrase:
    """Tell of a whole number, which stands where ``{}`` is."""
    return Phrase(words=words, number=to_whole, absent=absent, undefined=undefined)
