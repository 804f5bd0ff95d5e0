"""What a feature's value means, in a sentence that compares it with what a class typically shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final

from udfs.features.ngrams import PAIRED_KINDS
from udfs.features.spectrum import SPECTRUM
from udfs.schema import UNKNOWN

KEPT_ALIGNMENT: Final = 0.5
"""From here on, arrivals are said to keep to a clock; 50 random ones are aligned by 0.13."""

_CLASS_WORDS: Final = {UNKNOWN: "unknown venues"}

_KIND_WORDS: Final = {
    "numbered": "events with a sequence number",
    "timed": "events with a time but no number",
    "plain": "events without time or number",
    "answer": "answers to requests",
}


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """How to tell of one feature.

    Attributes
    ----------
    words : str
        The sentence, with ``{}`` for the number.
    low_words : str
        The sentence below `KEPT_ALIGNMENT`, or ``""`` if it is the same.
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
    absent: str
    number: Callable[[float], str]
    nothing: str = ""
    undefined: str = "none"

    def sentence(self, value: float, number: str) -> str:
        """Put the number into the words that suit the value."""
        return (self.low_words if self.low_words and value < KEPT_ALIGNMENT else self.words).format(number)

    def written(self, value: float) -> str:
        """Write a value as it stands in the sentence."""
        return "none" if self.nothing and value == 0 else self.number(value)


def describe(name: str, value: float, against: str, typical: Sequence[float] | None) -> str:
    """Say what a feature shows and what is typical of a class.

    Parameters
    ----------
    name : str
        One of `udfs.features.FEATURES`.
    value : float
        NaN where undefined.
    against : str
        The class.
    typical : sequence of float or None
        Its 10%, 50% and 90% quantiles.

    Examples
    --------
    >>> describe("type_heartbeat_share", 0.016, "binance", [0.0, 0.0, 0.0])
    '1.6% of the messages are heartbeats; binance: none'
    >>> describe("arrival_tick_alignment_100ms", 0.93, "kraken", [0.1, 0.2, 0.3])
    'arrivals keep to a 100 ms clock (alignment 0.93); kraken: 0.10 to 0.30'
    >>> describe("seq_jump_share", float("nan"), "coinbase", [0.0, 0.1, 0.25])
    'messages carry no sequence numbers to compare; coinbase: 0% to 25% of the sequence steps leave numbers out'
    """
    phrase = _PHRASES[name]
    whose, typically = _CLASS_WORDS.get(against, against), _range(phrase, typical)
    if not isnan(value):
        return f"{phrase.sentence(value, phrase.written(value))}; {whose}: {typically}"
    if typical is None:
        return f"{phrase.absent}; {whose}: the same"
    return f"{phrase.absent}; {whose}: {phrase.sentence(typical[1], typically)}"


def _range(phrase: Phrase, typical: Sequence[float] | None) -> str:
    if typical is None:
        return phrase.undefined
    low, high = phrase.number(typical[0]), phrase.number(typical[-1])
    if phrase.nothing and typical[-1] == 0:
        return phrase.nothing
    return low if low == high else f"{low} to {high}"


def _percent(share: float) -> str:
    """Write a share: one decimal below 10%.

    >>> _percent(0.016), _percent(0.02), _percent(0.987), _percent(0.0004)
    ('1.6%', '2%', '99%', '<0.1%')
    """
    percent = 100 * share
    if 0 < percent < 0.05:
        return "<0.1%"
    return f"{percent:.0f}%" if percent >= 10 else f"{percent:.1f}".removesuffix(".0") + "%"


def _ms(log10_us: float) -> str:
    """Write a duration given as log10(us), to three digits.

    >>> _ms(2.0), _ms(4.5), _ms(7.0)
    ('0.1 ms', '31.6 ms', '10000 ms')
    """
    milliseconds = 10**log10_us / 1_000
    return f"{milliseconds:.0f} ms" if milliseconds >= 100 else f"{milliseconds:.3g} ms"


def _two_decimals(value: float) -> str:
    return f"{value:.2f}"


def _ratio(value: float) -> str:
    """Write a ratio: three decimals below 0.1.

    >>> _ratio(1.234), _ratio(0.012), _ratio(0.00001), _ratio(0.0)
    ('1.23', '0.012', '<0.001', '0')
    """
    if 0 < value < 0.0005:
        return "<0.001"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}".rstrip("0").rstrip(".")


def _bytes(log10_bytes: float) -> str:
    """Write a size given as log10(bytes).

    >>> _bytes(2.6064)
    '404 bytes'
    """
    return f"{10**log10_bytes:.0f} bytes"


def _whole(value: float) -> str:
    return f"{value:.0f}"


def _count_or_time(is_clock: float) -> str:
    return "the time" if is_clock >= 0.5 else "a count"


def _share(words: str, *, absent: str = "", nothing: str = "none", undefined: str = "none") -> Phrase:
    return Phrase(words=f"{{}} {words}", absent=absent, number=_percent, nothing=nothing, undefined=undefined)


def _clock(name: str) -> Phrase:
    period = name.removeprefix("arrival_tick_alignment_").removesuffix("ms").replace("_", ".")
    return Phrase(
        words=f"arrivals keep to a {period} ms clock (alignment {{}})",
        low_words=f"arrivals do not keep to a {period} ms clock (alignment {{}})",
        absent=f"messages come too fast to tell a {period} ms clock",
        number=_two_decimals,
        undefined="too fast to tell",
    )


def _pair(first: str, second: str) -> Phrase:
    if first == second:
        return _share(f"of the neighbours are two {_KIND_WORDS[first]}", nothing="never")
    return _share(f"of the neighbours are {_KIND_WORDS[first]}, then {_KIND_WORDS[second]}", nothing="never")


_NO_GAPS: Final = "all messages came at the same time"
_FEW_GAPS: Final = "most messages came at the same time as the one before"
_NO_ANSWERS: Final = "no request was {} in time"
_NO_NUMBERS: Final = "messages carry no sequence numbers to compare"
_NO_NUMBER: Final = "messages carry no sequence numbers"
_NO_TIMES: Final = "messages carry no time of the venue"
_NO_SIZES: Final = "messages have no size"

_PHRASES: Final[dict[str, Phrase]] = {
    "inter_arrival_log10_median_us": Phrase(words="messages are typically {} apart", number=_ms, absent=_FEW_GAPS),
    "inter_arrival_cv": Phrase(words="gaps between messages vary by {} of their mean", number=_ratio, absent=_NO_GAPS),
    "inter_arrival_p10_p50_ratio": Phrase(
        words="short gaps are {} of the typical gap", number=_ratio, absent=_FEW_GAPS
    ),
    "inter_arrival_p50_p90_ratio": Phrase(words="the typical gap is {} of long ones", number=_ratio, absent=_FEW_GAPS),
    "inter_arrival_p25_p75_ratio": Phrase(
        words="rather short gaps are {} of rather long ones", number=_ratio, absent=_FEW_GAPS
    ),
    "inter_arrival_burst_share": _share("of the messages follow in less than a tenth of the mean gap", absent=_NO_GAPS),
    "inter_arrival_instant_share": _share("of the messages follow within 0.1 ms"),
    **{f.name: _clock(f.name) for f in SPECTRUM.features},
    "type_new_share": _share("of the messages are orders or data events"),
    "type_ack_share": _share("of the messages confirm a request"),
    "type_nack_share": _share("of the messages reject a request"),
    "type_heartbeat_share": _share("of the messages are heartbeats"),
    "type_other_share": _share("of the messages are of no known type"),
    **{f"bigram_{a}_{b}_share": _pair(a, b) for a in PAIRED_KINDS for b in PAIRED_KINDS},
    "ack_latency_log10_mean_us": Phrase(
        words="confirmations take {}", number=_ms, absent=_NO_ANSWERS.format("confirmed")
    ),
    "nack_latency_log10_mean_us": Phrase(words="rejections take {}", number=_ms, absent=_NO_ANSWERS.format("rejected")),
    "ack_latency_cv": Phrase(
        words="the time of confirmations varies by {} of its mean",
        number=_ratio,
        absent=_NO_ANSWERS.format("confirmed"),
    ),
    "nack_latency_cv": Phrase(
        words="the time of rejections varies by {} of its mean",
        number=_ratio,
        absent=_NO_ANSWERS.format("rejected"),
    ),
    "request_ack_share": _share("of the requests are confirmed in time", absent="there are no requests"),
    "request_nack_share": _share("of the requests are rejected in time", absent="there are no requests"),
    "seq_jump_share": _share("of the sequence steps leave numbers out", absent=_NO_NUMBERS, undefined="no numbers"),
    "seq_backward_share": _share(
        "of the sequence steps repeat a number or go back", absent=_NO_NUMBERS, undefined="no numbers"
    ),
    "seq_share": _share("of the messages carry a sequence number"),
    "seq_continued_share": _share(
        "of the sequence numbers continue another one of the window", absent=_NO_NUMBERS, undefined="no numbers"
    ),
    "seq_repeat_share": _share("of the sequence numbers come again", absent=_NO_NUMBERS, undefined="no numbers"),
    "seq_counters": Phrase(
        words="separate sequence counters in the window: {}", number=_whole, absent=_NO_NUMBER, undefined="no numbers"
    ),
    "seq_is_clock": Phrase(
        words="the sequence number is {}", number=_count_or_time, absent=_NO_NUMBER, undefined="no numbers"
    ),
    "venue_time_share": _share("of the messages carry the venue's time"),
    **{
        f"venue_time_whole_{unit}_share": _share(
            f"of the venue's times are whole {words}", absent=_NO_TIMES, undefined="no times"
        )
        for unit, words in (("us", "microseconds"), ("ms", "milliseconds"), ("s", "seconds"))
    },
    "venue_time_repeat_share": _share(
        "of the venue's times repeat the one before", absent=_NO_TIMES, undefined="no times"
    ),
    "venue_time_backward_share": _share(
        "of the venue's times are earlier than the one before", absent=_NO_TIMES, undefined="no times"
    ),
    "payload_log10_p10_bytes": Phrase(words="small messages have {}", number=_bytes, absent=_NO_SIZES),
    "payload_log10_p50_bytes": Phrase(words="messages typically have {}", number=_bytes, absent=_NO_SIZES),
    "payload_log10_p90_bytes": Phrase(words="large messages have {}", number=_bytes, absent=_NO_SIZES),
    "payload_distinct_share": Phrase(words="there are as many sizes as {} of the messages", number=_percent, absent=""),
    "payload_mode_share": _share("of the messages have the commonest size"),
}
