"""Look at dead-letter records, and send those again that are valid by now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from heapq import nlargest
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ingest.kafka.broker import delete_records_up_to
from ingest.kafka.dead_letters import DeadLetter, Place, find_redriven, read_dead_letters, send_again, to_place
from ingest.kafka.topic_identity import read_topic_identity
from ingest.kafka.topic_reader import TopicReader
from jobs.cli import options
from jobs.cli.console import err, out, print_json
from jobs.cli.exit_codes import ExitCode
from jobs.cli.options import OutputFormat
from jobs.cluster.service_addresses import Addresses
from jobs.config import DEAD_LETTER_TOPIC
from jobs.results.migrations import check_schema
from jobs.results.read_topics import check_same_topic
from jobs.results.redrive import Choice, Memory, Plan, plan_redrive, printable, read_mended, redrive_memory, to_json
from jobs.results.skipping import find_span, remember_skipped
from model.registry.database import connect
from stack.roles import Role
from udfs.errors import ConfigError

app = typer.Typer(no_args_is_help=True)

DeadLetterTopic = Annotated[str, typer.Option(help="Kafka topic of the dead-letter records.")]
Reason = Annotated[str | None, typer.Option(help="Only records whose reason contains this.")]
Partition = Annotated[int | None, typer.Option(min=0, help="Only records from this partition.")]


@app.command("list")
def print_dead_letters(
    home: options.Home,
    kafka: options.Kafka = None,
    topic: options.Topic = options.DEFAULT_TOPIC,
    dead_letter_topic: DeadLetterTopic = DEAD_LETTER_TOPIC,
    reason: Reason = None,
    partition: Partition = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only records since then, as 2026-11-23T01:30 (UTC).")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many records to show at most, the last ones.")] = 20,
    output: Annotated[OutputFormat, typer.Option("--format", help="How to print.")] = OutputFormat.TABLE,
) -> None:
    """Show dead-letter records: how many of each reason, and the last ones with place, key and first bytes.

    With --format json a line has the whole record, and may be corrected for `dlq redrive --corrected`.
    """
    bootstrap = Addresses(home=home, kafka=kafka).require_kafka()
    choice = Choice(reason=reason, partition=partition, since_at=_parse_time(since))
    reasons: Counter[str] = Counter()
    with TopicReader(bootstrap, dead_letter_topic) as reader:
        chosen = filter(choice.takes, read_dead_letters(reader, topic))
        last = nlargest(limit, _counted(chosen, reasons), key=lambda one: (one.at, one.place))[::-1]
    if output is OutputFormat.JSON:
        for dead_letter in last:
            print_json(to_json(dead_letter))
        return
    out.print(_count_table(reasons, f"{reasons.total():,} dead-letter records of {topic}"))
    if last:
        out.print(_dead_letter_table(last))


def _counted(dead_letters: Iterator[DeadLetter], reasons: Counter[str]) -> Iterator[DeadLetter]:
    for dead_letter in dead_letters:
        reasons[dead_letter.reason] += 1
        yield dead_letter


@app.command("redrive")
def redrive(
    home: options.Home,
    kafka: options.Kafka = None,
    database_url: options.RedriveUrl = None,
    topic: options.Topic = options.DEFAULT_TOPIC,
    dead_letter_topic: DeadLetterTopic = DEAD_LETTER_TOPIC,
    reason: Reason = None,
    partition: Partition = None,
    offset: Annotated[int | None, typer.Option(min=0, help="Only the record that had this offset.")] = None,
    corrected: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Only the records in this file, as it has them: see `dlq list`."
        ),
    ] = None,
    rekey: Annotated[bool, typer.Option("--rekey", help="Take the key from the connection_id of the value.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Send even records that are still invalid.")] = False,
) -> None:
    """Send chosen dead-letter records to the topic again, each once, however often this runs.

    Sends only records that are valid by now: because the rule was stricter when it rejected them, or because --rekey
    or --corrected mends them. A record gets a new offset, at the end of its partition, so its connection has it after
    all messages that have come meanwhile. The exit code is 1 if a chosen record is still invalid.
    """
    if reason is None and corrected is None and (partition is None or offset is None):
        raise ConfigError(
            "Expected --reason, --partition with --offset, or --corrected to choose records, found none: give one of "
            "them"
        )
    addresses = Addresses(home=home, kafka=kafka, database_url=database_url)
    bootstrap, url = addresses.require_kafka(), addresses.require_database_url(Role.REDRIVE)
    check_schema(url)
    mended = {} if corrected is None else read_mended(corrected)
    choice = Choice(reason=reason, partition=partition, offset=offset)
    with connect(url) as database:
        check_same_topic(database, read_topic_identity(bootstrap, topic))
    with redrive_memory(url) as memory:
        done = _sent_before(memory, bootstrap, topic)
        with TopicReader(bootstrap, dead_letter_topic) as reader:
            dead_letters = read_dead_letters(reader, topic)
            plan = plan_redrive(dead_letters, choice, sent=done, mended=mended, rekey=rekey, force=force)
        if not dry_run and plan.records:
            memory.claim(iter(plan.records))
            memory.settle(send_again(bootstrap, topic, plan.records))
    _print_plan(plan, dry_run=dry_run)
    if plan.rejected:
        raise typer.Exit(ExitCode.FAILED)


@app.command("skip")
def skip(
    place: Annotated[str, typer.Argument(metavar="PARTITION:OFFSET", help="The last record that is given up.")],
    home: options.Home,
    kafka: options.Kafka = None,
    database_url: options.RedriveUrl = None,
    topic: options.Topic = options.DEFAULT_TOPIC,
    delete: Annotated[bool, typer.Option("--delete", help="Do it, instead of saying what would be deleted.")] = False,
) -> None:
    """Let the job pass records that stop it: Kafka deletes them, and all before them in their partition, for good.

    Only for what no reader can read, such as a batch that a disk has damaged; what is merely invalid or too large
    becomes a dead letter by itself. A running job goes on by itself, with all that it knows of its connections.
    """
    addresses = Addresses(home=home, kafka=kafka, database_url=database_url)
    bootstrap, url = addresses.require_kafka(), addresses.require_database_url(Role.REDRIVE)
    check_schema(url)
    skipped = to_place(place)
    with TopicReader(bootstrap, topic) as reader:
        span = find_span(reader.spans, skipped)
    n, what = skipped.offset + 1 - span.first, f"of partition {skipped.partition} of {topic}, up to {skipped.offset:,}"
    if not delete:
        out.print(f"{n:,} records {what}, would be deleted: add --delete", highlight=False, soft_wrap=True)
        return
    delete_records_up_to(bootstrap, topic, *skipped)
    remember_skipped(url, skipped)
    out.print(f"{n:,} records {what}, are deleted.", highlight=False, soft_wrap=True)


def _sent_before(memory: Memory, bootstrap: str, topic: str) -> set[Place]:
    """Return the records that were sent before, after finding out about those of a run that was cut off."""
    known = memory.sent()
    open_ends = {origin for origin, place in known.items() if place is None}
    if not open_ends:
        return set(known)
    err.print(f"A run that was cut off left {len(open_ends):,} records open: looking for them in {topic}")
    with TopicReader(bootstrap, topic) as reader:
        found = {origin: place for origin, place in find_redriven(reader).items() if origin in open_ends}
    memory.settle(found)
    memory.give_up(iter(open_ends - set(found)))
    return set(known) - (open_ends - set(found))


def _print_plan(plan: Plan, *, dry_run: bool) -> None:
    what = "would be sent" if dry_run else "were sent"
    counts = f"{len(plan.records):,} records {what}, {plan.n_before:,} were before, {len(plan.rejected):,}"
    out.print(f"{counts} are still invalid.", highlight=False)
    if plan.rejected:
        out.print(_count_table(plan.reasons(), "Not sent"))


def _count_table(reasons: Counter[str], title: str) -> Table:
    table = Table("reason", title=title)
    table.add_column("records", justify="right")
    for reason, count in reasons.most_common():
        table.add_row(escape(reason), f"{count:,}")
    return table


def _dead_letter_table(dead_letters: Sequence[DeadLetter]) -> Table:
    table = Table("partition", "offset", "time", "reason", "key", "bytes", "begins with", title="The last ones")
    for dead_letter in dead_letters:
        size = "" if dead_letter.value is None else f"{len(dead_letter.value):,}"
        at = dead_letter.at.isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
        key, value = escape(printable(dead_letter.key)), escape(printable(dead_letter.value))
        reason = escape(dead_letter.reason)
        table.add_row(str(dead_letter.place.partition), str(dead_letter.place.offset), at, reason, key, size, value)
    return table


def _parse_time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"Expected --since as 2026-11-23T01:30, found {text!r}: correct it") from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
