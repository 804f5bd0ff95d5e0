"""A connection's explanation as lines of text: sentences, their weights, and a plot of the gaps."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from math import ceil, exp, floor, log10
from typing import Final

from jobs.reference.connection_explanation import DECLARED, NEAREST_KNOWN, ConnectionExplanation, Contrast
from jobs.results.wording import counted
from udfs.current_verdict import CERTAIN, UNDECIDED
from udfs.phrases import class_words

_INDENT: Final = "  "
_WEIGHT_WIDTH: Final = 8
_NAMES_WIDTH: Final = 16
_BAR_WIDTH: Final = 36


def explanation_lines(explanation: ConnectionExplanation, width: int) -> Iterator[str]:
    """Write an explanation in lines of at most `width` characters, of which it takes 76 at least."""
    yield from textwrap.wrap(_headline(explanation), width, subsequent_indent=_INDENT)
    if not explanation.windows:
        yield f"{_INDENT}No 50 messages came without a long silence between them: there is no window to explain."
        return
    yield ""
    yield from _paragraph(_how_sure(explanation), width)
    for contrast in explanation.contrasts:
        yield ""
        yield from textwrap.wrap(_question(explanation, contrast), width, subsequent_indent=_INDENT)
        for reason in contrast.explanation["reasons"]:
            weight = f"{weight_words(reason['contribution_nats']):>{_WEIGHT_WIDTH}}{_INDENT}"
            yield from textwrap.wrap(
                reason["text"],
                width,
                initial_indent=weight,
                subsequent_indent=" " * len(weight),
                break_long_words=False,
            )
    yield ""
    n = explanation.windows
    numbers = "Numbers are of 1 window" if n == 1 else f"Numbers are medians of {n} windows"
    yield from _paragraph(
        f"{numbers} of 50 messages, messages "
        f"{explanation.first_offset:,} to {explanation.last_offset:,}. A range holds 80% of the windows that the model "
        f"learnt from. ×20 makes the first class 20 times as probable in a window as the second; ÷20 the reverse.",
        width,
    )
    yield ""
    yield from gap_plot(explanation.median_gap_ms)


def weight_words(nats: float) -> str:
    """Write a contribution as a factor.

    >>> weight_words(3.0), weight_words(-0.7), weight_words(0.02), weight_words(9.0)
    ('×20', '÷2.0', '×1.0', '×8,103')
    """
    factor = exp(abs(nats))
    return f"{'×' if nats >= 0 else '÷'}{factor:,.0f}" if factor >= 9.95 else f"{'×' if nats >= 0 else '÷'}{factor:.1f}"


def gap_plot(median_gap_ms: dict[str, list[float] | None]) -> Iterator[str]:
    """Draw whose windows have which median gap between messages, in at most 78 characters.

    >>> for line in gap_plot({"": [1.0, 10.0, 100.0], "kraken": [100.0, 100.0, 1000.0]}):
    ...     print(line)
    Median gap between messages of a window, ms (━ 80% of windows, ● their median)
                      1           10         100         1000
      this connection ━━━━━━━━━━━━●━━━━━━━━━━━              1 / 10 / 100
      kraken                                 ●━━━━━━━━━━━━  100 / 100 / 1000
    """
    drawn = {name: quantiles for name, quantiles in median_gap_ms.items() if quantiles}
    if not drawn:
        return
    lowest = floor(log10(min(quantiles[0] for quantiles in drawn.values())))
    highest = max(ceil(log10(max(quantiles[-1] for quantiles in drawn.values()))), lowest + 1)

    def place(ms: float) -> int:
        return round((log10(ms) - lowest) / (highest - lowest) * (_BAR_WIDTH - 1))

    axis = [" "] * (_BAR_WIDTH + 5)
    free = 0
    for decade in range(lowest, highest + 1):
        label = f"{10.0**decade:g}"
        at = place(10.0**decade)
        if at >= free:
            axis[at : at + len(label)] = label
            free = at + len(label) + 1
    yield "Median gap between messages of a window, ms (━ 80% of windows, ● their median)"
    yield (" " * (len(_INDENT) + _NAMES_WIDTH) + "".join(axis)).rstrip()
    for name, quantiles in drawn.items():
        bar = [" "] * _BAR_WIDTH
        low, median, high = map(place, quantiles)
        bar[low : high + 1] = "━" * (high + 1 - low)
        bar[median] = "●"
        numbers = " / ".join(_three_digits(ms) for ms in quantiles)
        yield f"{_INDENT}{class_words(name) or 'this connection':<{_NAMES_WIDTH}}{''.join(bar)}{_INDENT}{numbers}"


def _three_digits(ms: float) -> str:
    return f"{ms:.0f}" if ms >= 100 else f"{ms:.3g}"


def _paragraph(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=_INDENT, subsequent_indent=_INDENT)


def _headline(explanation: ConnectionExplanation) -> str:
    standing = explanation.standing
    line = f"{standing.connection_id}: {standing.verdict}, {standing.certainty}"
    if standing.certainty != UNDECIDED:
        line += f" (probability {standing.probability:.3f})"
    if standing.declared_exchange is None:
        return f"{line}. It declares no exchange."
    if standing.declared_exchange == standing.verdict:
        return f"{line}, as it declares."
    return f"{line}. It declares {standing.declared_exchange}."


def _how_sure(explanation: ConnectionExplanation) -> str:
    standing, leader = explanation.standing, class_words(explanation.leader)
    said = f"How sure: {counted(standing.messages, 'message')}"
    if standing.certain_after_messages is not None:
        said += f", first certain after {standing.certain_after_messages:,}"
    said += ". "
    lead, bound = f"{standing.strength_nats:.1f}", f"{explanation.bound_nats:g}"
    if standing.certainty == CERTAIN:
        said += f"The evidence for {leader} leads that for any other class by {lead} nats; {bound} make it certain. "
        if standing.previous_verdict is not None:
            said += f"Before, it was certainly {class_words(standing.previous_verdict)}. "
    elif standing.certainty == UNDECIDED:
        said += f"No class leads by enough; {leader} comes first. "
    else:
        said += f"The evidence for {leader} leads by {lead} nats; {bound} would make it certain. "
    called = {name: n for name, n in explanation.windows_by_class.items() if n}
    parts = [f"{n} {class_words(name)}" for name, n in sorted(called.items(), key=lambda item: -item[1])]
    if explanation.windows == 1:
        return f"{said}The only window to explain it by is called {parts[0].removeprefix('1 ')}."
    return f"{said}Its last {explanation.windows} windows are called: {', '.join(parts)}."


def _question(explanation: ConnectionExplanation, contrast: Contrast) -> str:
    who = {DECLARED: "which it declares", NEAREST_KNOWN: "the nearest other exchange"}.get(
        contrast.kind, "the runner-up"
    )
    weight = weight_words(contrast.explanation["margin_nats"])
    leader = class_words(explanation.leader)
    return f"Why {leader} and not {class_words(contrast.against)}, {who}: {weight} a window, of it"
