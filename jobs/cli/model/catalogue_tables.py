"""A catalogue's figures as tables."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from jobs.cli.console import out
from model.enrolment.catalogue_figures import CatalogueFigures, Tally
from udfs.schema import UNKNOWN


def print_catalogue(figures: CatalogueFigures) -> None:
    """Print what is named right, what is refused, and what was tried and put back."""
    out.print(_named_table(figures))
    out.print(_refused_table(figures))
    out.print(_fresh_table(figures))
    tried, kept = figures.rounds[0], figures.rounds[-1]
    right, left_out = (sum(days.right for days in tried.values()), sum(days.left_out for days in tried.values()))
    out.print(
        f"Of all {len(tried)} families tried, before any was put back: right on {right} of {left_out} days left out.",
        highlight=False,
        soft_wrap=True,
    )
    for name in sorted(tried.keys() - kept.keys()):
        days = next(found[name] for found in reversed(figures.rounds) if name in found)
        out.print(
            f"{name} stays unknown: named right on {days.right} of {days.left_out} days left out.",
            highlight=False,
            soft_wrap=True,
        )


def _named_table(figures: CatalogueFigures) -> Table:
    table = _table("venue", "exchanges alone", "with the catalogue", title=f"Named, {figures.model_version}")
    table.caption = "Connections of days left out: right / called unknown / called something else."
    for name, after in figures.named_after.items():
        before = figures.named_before.get(name)
        table.add_row(escape(name), str(after.days), str(after.connections), *_before_after(before, after, name))
    return table


def _refused_table(figures: CatalogueFigures) -> Table:
    table = _table("family", "exchanges alone", "with the catalogue", title="Unknown venues, refused")
    table.caption = "Connections of families left out whole, those that are named too: refused / called something."
    for family, after in figures.refused_after.items():
        before = figures.refused_before[family]
        table.add_row(escape(family), str(after.days), str(after.connections), *_before_after(before, after, UNKNOWN))
    table.add_section()
    both = (figures.refused_before, figures.refused_after)
    n_connections = str(sum(tally.connections for tally in figures.refused_after.values()))
    table.add_row("all", "", n_connections, *(_refused_of_all(tallies) for tallies in both))
    return table


def _refused_of_all(tallies: dict[str, Tally]) -> str:
    refused = sum(tally.called.get(UNKNOWN, 0) for tally in tallies.values())
    return f"{refused} / {sum(tally.connections for tally in tallies.values()) - refused}" + _certain(
        sum(tally.certain_of_wrong_name for tally in tallies.values())
    )


def _fresh_table(figures: CatalogueFigures) -> Table:
    table = Table("synthetic", "exchanges alone", "with the catalogue", title="Fresh synthetic connections")
    table.caption = "Right / called unknown / called something else; of unknown venues, refused is right."
    for label, units in figures.fresh_after.items():
        both = (figures.fresh_before[label]["connections"], units["connections"])
        table.add_row(label, *(f"{c['right']} / {c['unknown']} / {c['wrong']}" for c in both))
    return table


def _table(first: str, *last: str, title: str) -> Table:
    table = Table(first, title=title)
    for heading in ("days", "connections"):
        table.add_column(heading, justify="right")
    for heading in last:
        table.add_column(heading)
    return table


def _before_after(before: Tally | None, after: Tally, truth: str) -> tuple[str, str]:
    return "-" if before is None else _shown(before, truth), _shown(after, truth)


def _shown(tally: Tally, truth: str) -> str:
    right, unknown = tally.called.get(truth, 0), tally.called.get(UNKNOWN, 0)
    others = {name: n for name, n in tally.called.items() if name not in (truth, UNKNOWN)}
    counts = [right, *([] if truth == UNKNOWN else [unknown]), sum(others.values())]
    named = f" ({', '.join(f'{n} {name}' for name, n in others.items())})" if others else ""
    return " / ".join(map(str, counts)) + escape(named) + _certain(tally.certain_of_wrong_name)


def _certain(n: int) -> str:
    return f", {n} certain" if n else ""
