"""`dlq list` and `dlq redrive`: what is no message, and what of it can become one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from heapq import nlargest
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.markup import escape
from rich.table import Table

from ingest.kafka.dead_letters import Letter, Place, find_redriven, read_letters, send_again
from ingest.kafka.topic_reader import TopicReader
from jobs.cli import options
from jobs.cli.console import err, out
from jobs.cli.options import OutputFormat
from jobs.cluster.service_addresses import Addresses
from jobs.config import DEAD_LETTER_TOPIC
from jobs.results.migrations import check_schema
from jobs.results.redrive import Choice, Memory, Plan, plan_redrive, printable, read_mended, redrive_memory, to_json
from udfs.errors import ConfigError

app = typer.Typer(help="Look at dead letters, and send again what is a message by now.", no_args_is_help=True)

DeadLetterTopic = Annotated[str, typer.Option(help="Kafka topic of the dead letters.")]
Reason = Annotated[str | None, typer.Option(help="Only letters whose reason has this in it.")]
Partition = Annotated[int | None, typer.Option(min=0, help="Only letters from this partition.")]


@app.command("list")
def print_letters(
    home: options.Home,
    kafka: options.Kafka = None,
    topic: options.Topic = options.DEFAULT_TOPIC,
    dead_letter_topic: DeadLetterTopic = DEAD_LETTER_TOPIC,
    reason: Reason = None,
    partition: Partition = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only records since then, as 2026-11-23T01:30 (UTC).")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Letters shown at most, the last ones.")] = 20,
    output: Annotated[OutputFormat, typer.Option("--format", help="How to print.")] = OutputFormat.TABLE,
) -> None:
    """Show dead letters: how many of each reason, and the last ones with place, key and first bytes.

    With --format json a line has the whole record, and may be corrected for `dlq redrive --corrected`.
    """
    bootstrap = Addresses(home=home, kafka=kafka).require_kafka()
    choice = Choice(reason=reason, partition=partition, since_at=_parse_time(since))
    reasons: Counter[str] = Counter()
    with TopicReader(bootstrap, dead_letter_topic) as reader:
        chosen = filter(choice.takes, read_letters(reader, topic))
        last = nlargest(limit, _counted(chosen, reasons), key=lambda letter: (letter.at, letter.place))[::-1]
    if output is OutputFormat.JSON:
        for letter in last:
            typer.echo(orjson.dumps(to_json(letter)))
        return
    out.print(_count_table(reasons, f"{reasons.total():,} dead letters of {topic}"))
    if last:
        out.print(_letter_table(last))


def _counted(letters: Iterator[Letter], reasons: Counter[str]) -> Iterator[Letter]:
    for letter in letters:
        reasons[letter.reason] += 1
        yield letter


@app.command("redrive")
def redrive(
    home: options.Home,
    kafka: options.Kafka = None,
    database_url: options.DatabaseUrl = None,
    topic: options.Topic = options.DEFAULT_TOPIC,
    dead_letter_topic: DeadLetterTopic = DEAD_LETTER_TOPIC,
    reason: Reason = None,
    partition: Partition = None,
    offset: Annotated[int | None, typer.Option(min=0, help="Only the letter that had this offset.")] = None,
    corrected: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Only letters of this file, as they are there: see `dlq list`."),
    ] = None,
    rekey: Annotated[bool, typer.Option("--rekey", help="Make the connection_id of the value the key.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Send also what is still no message.")] = False,
) -> None:
    """Send chosen dead letters to the topic again, each once, however often this runs.

    Only what is a message by now is sent: because the rule was stricter when it was refused, or because --rekey or
    --corrected mends it. It gets a new offset, at the end of its partition, so its connection has it after all
    messages that have come meanwhile. Exit code 1 if some of the chosen letters are still no messages.
    """
    if reason is None and corrected is None and (partition is None or offset is None):
        raise ConfigError(
            "Expected --reason, --partition with --offset, or --corrected to choose letters, found none: give one of "
            "them"
        )
    addresses = Addresses(home=home, kafka=kafka, database_url=database_url)
    bootstrap, url = addresses.require_kafka(), addresses.require_database_url()
    check_schema(url)
    mended = {} if corrected is None else read_mended(corrected)
    choice = Choice(reason=reason, partition=partition, offset=offset)
    with redrive_memory(url) as memory:
        done = _sent_before(memory, bootstrap, topic)
        with TopicReader(bootstrap, dead_letter_topic) as reader:
            letters = read_letters(reader, topic)
            plan = plan_redrive(letters, choice, sent=done, mended=mended, rekey=rekey, force=force)
        if not dry_run and plan.records:
            memory.claim(iter(plan.records))
            memory.settle(send_again(bootstrap, topic, plan.records))
    _print_plan(plan, dry_run=dry_run)
    if plan.refused:
        raise typer.Exit(1)


def _sent_before(memory: Memory, bootstrap: str, topic: str) -> set[Place]:
    """Return the letters that were sent before, after finding out about those of a run that was cut off."""
    known = memory.sent()
    open_ends = {origin for origin, place in known.items() if place is None}
    if not open_ends:
        return set(known)
    err.print(f"{len(open_ends):,} letters of a run that was cut off: looking for them in {topic}")
    with TopicReader(bootstrap, topic) as reader:
        found = {origin: place for origin, place in find_redriven(reader).items() if origin in open_ends}
    memory.settle(found)
    memory.give_up(iter(open_ends - set(found)))
    return set(known) - (open_ends - set(found))


def _print_plan(plan: Plan, *, dry_run: bool) -> None:
    what = "would be sent" if dry_run else "were sent"
    counts = f"{len(plan.records):,} letters {what}, {plan.n_before:,} were before, {len(plan.refused):,}"
    out.print(f"{counts} are still no messages.", highlight=False)
    if plan.refused:
        out.print(_count_table(plan.reasons(), "Not sent"))


def _count_table(reasons: Counter[str], title: str) -> Table:
    table = Table("reason", title=title)
    table.add_column("letters", justify="right")
    for reason, count in reasons.most_common():
        table.add_row(reason, f"{count:,}")
    return table


def _letter_table(letters: Sequence[Letter]) -> Table:
    table = Table("partition", "offset", "time", "reason", "key", "bytes", "begins with", title="The last ones")
    for letter in letters:
        size = "" if letter.value is None else f"{len(letter.value):,}"
        at = letter.at.isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
        key, value = escape(printable(letter.key)), escape(printable(letter.value))
        table.add_row(str(letter.place.partition), str(letter.place.offset), at, letter.reason, key, size, value)
    return table


def _parse_time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"Expected --since as 2026-11-23T01:30, found {text!r}: correct it") from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
