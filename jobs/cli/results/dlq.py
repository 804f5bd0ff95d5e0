"""Look at dead-letter records, and send those again that are valid by now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from heapq import nlargest
from pathlib import Path
from typing import Annotated, Final

import typer

from ingest.kafka.broker import delete_records_up_to
from ingest.kafka.dead_letters import (
    NULL_VALUE,
    DeadLetter,
    Place,
    find_redriven,
    read_dead_letters,
    send_again,
    to_place,
)
from ingest.kafka.topic_identity import find_topic_identity
from ingest.kafka.topic_reader import TopicReader
from jobs.cli import options
from jobs.cli.console import err, out, print_json, print_sentence, warn
from jobs.cli.exit_codes import ExitCode
from jobs.cli.options import OutputFormat
from jobs.cli.records import Column, print_records, shortened
from jobs.cluster.service_addresses import Addresses
from jobs.config import DEAD_LETTER_TOPIC
from jobs.results.migrations import check_schema
from jobs.results.read_topics import check_same_topic
from jobs.results.redrive import Choice, Memory, Plan, plan_redrive, printable, read_mended, redrive_memory, to_json
from jobs.results.skipping import find_span, remember_skipped
from jobs.results.wording import counted
from model.registry.database import connect
from stack.roles import Role
from udfs.errors import ConfigError, PipelineError

app = typer.Typer(no_args_is_help=True)

DeadLetterTopic = Annotated[str, typer.Option(help="Kafka topic of the dead-letter records.")]
Reason = Annotated[str | None, typer.Option(help="Only records whose reason contains this.")]
Partition = Annotated[int | None, typer.Option(min=0, help="Only records from this partition.")]

_COUNT_WIDTH: Final = 9
_KEY_WIDTH: Final = 18
"""16 + 19 + 5 + 14 characters of the other columns, and the gaps between, leave so much of 80."""


@app.command("list")
def print_dead_letters(
    home: options.Home,
    kafka: options.Kafka = None,
    database_url: options.RedriveUrl = None,
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

    A record with a key and without a value says that its connection has ended. It is counted, and listed only with
    --reason "null value".

    Those that were sent again are marked by where they are now, if the database is known that remembers it.

    With --format json a line has the whole record, and may be corrected for `dlq redrive --corrected`.
    """
    addresses = Addresses(home=home, kafka=kafka, database_url=database_url)
    bootstrap = addresses.require_kafka()
    choice = Choice(reason=reason, partition=partition, since_at=_parse_time(since))
    reasons: Counter[str] = Counter()
    with TopicReader(bootstrap, dead_letter_topic) as reader:
        chosen = _counted(filter(choice.takes, read_dead_letters(reader, topic)), reasons)
        listed = (one for one in chosen if reason is not None or not one.says_end)
        last = nlargest(limit, listed, key=lambda one: (one.at, one.place))[::-1]
    sent = _sent_again(addresses) if last else {}
    if output is OutputFormat.JSON:
        for dead_letter in last:
            print_json(to_json(dead_letter) | {"sent_again_as": sent.get(dead_letter.place)})
        return
    _print_reasons(reasons, f"{counted(reasons.total(), 'dead-letter record')} of {topic}")
    _print_last(last, sent)


def _sent_again(addresses: Addresses) -> dict[Place, str]:
    """Return where each dead letter is that was sent again, as PARTITION:OFFSET; none if no database says so."""
    url = addresses.find_database_url(Role.REDRIVE)
    if url is None:
        return {}
    try:
        with connect(url) as database:
            known = Memory(database).sent()
    except PipelineError as error:
        warn(f"Which records were sent again is not known: {error}")
        return {}
    unknown = "being sent"
    return {origin: unknown if now is None else f"{now.partition}:{now.offset}" for origin, now in known.items()}


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
        check_same_topic(database, topic, find_topic_identity(bootstrap, topic))
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
    n = skipped.offset + 1 - span.first
    what = f"{counted(n, 'record')} of partition {skipped.partition} of {topic}, up to {skipped.offset:,}"
    if not delete:
        print_sentence(f"{what}, would be deleted: add --delete")
        return
    delete_records_up_to(bootstrap, topic, *skipped)
    remember_skipped(url, skipped)
    print_sentence(f"{what}, {'is' if n == 1 else 'are'} deleted.")


def _sent_before(memory: Memory, bootstrap: str, topic: str) -> set[Place]:
    """Return the records that were sent before, after finding out about those of a run that was cut off."""
    known = memory.sent()
    open_ends = {origin for origin, place in known.items() if place is None}
    if not open_ends:
        return set(known)
    left = counted(len(open_ends), "record")
    err.print(f"A run that was cut off left {left} open: looking in {topic}", markup=False, soft_wrap=True)
    with TopicReader(bootstrap, topic) as reader:
        found = {origin: place for origin, place in find_redriven(reader).items() if origin in open_ends}
    memory.settle(found)
    memory.give_up(iter(open_ends - set(found)))
    return set(known) - (open_ends - set(found))


def _print_plan(plan: Plan, *, dry_run: bool) -> None:
    n, n_rejected = len(plan.records), len(plan.rejected)
    sent = f"{'would be' if dry_run else 'was' if n == 1 else 'were'} sent"
    before = f"{plan.n_before:,} {'was' if plan.n_before == 1 else 'were'} before"
    rejected = f"{n_rejected:,} {'is' if n_rejected == 1 else 'are'} still invalid"
    print_sentence(f"{counted(n, 'record')} {sent}, {before}, {rejected}.")
    if plan.rejected:
        _print_reasons(plan.reasons(), "Not sent")


def _print_reasons(reasons: Counter[str], what: str) -> None:
    """Print how many records have which reason, each on a line; aside, where no terminal reads the records."""
    print_sentence(f"{what}:" if reasons else f"{what}.", is_aside=True)
    for reason, count in reasons.most_common():
        meaning = ": how a sender says that a connection has ended" if reason == NULL_VALUE else ""
        print_sentence(f"{count:>{_COUNT_WIDTH},}  {reason}{meaning}", is_aside=True)


def _print_last(dead_letters: Sequence[DeadLetter], sent: Mapping[Place, str]) -> None:
    """Print a record for each dead letter: where it was in the topic, when, and what it begins with."""
    if not dead_letters and out.is_terminal:
        return
    columns = [
        Column(name="partition:offset"),
        Column(name="time (UTC)" if out.is_terminal else "time"),
        Column(name="bytes", is_number=True),
        *([Column(name="sent again as")] if sent else []),
        Column(name="key"),
        Column(name="reason", is_sentence=True),
        Column(name="begins with", is_sentence=True),
    ]
    print_records(columns, [("", [_record(dead_letter, sent) for dead_letter in dead_letters])])


def _record(dead_letter: DeadLetter, sent: Mapping[Place, str]) -> list[str]:
    at, n_bytes = dead_letter.at.astimezone(UTC), "-" if dead_letter.value is None else str(len(dead_letter.value))
    key = printable(dead_letter.key)
    return [
        f"{dead_letter.place.partition}:{dead_letter.place.offset}",
        f"{at:%Y-%m-%d %H:%M:%S}" if out.is_terminal else f"{at:%Y-%m-%dT%H:%M:%SZ}",
        n_bytes,
        *([sent.get(dead_letter.place, "-")] if sent else []),
        shortened(key, _KEY_WIDTH) if out.is_terminal else key,
        dead_letter.reason,
        printable(dead_letter.value),
    ]


def _parse_time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"Expected --since as 2026-11-23T01:30, found {text!r}: correct it") from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
