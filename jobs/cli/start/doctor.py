"""`doctor`: what is installed, what runs, what is wrong, and what to do."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.text import Text

from jobs.cli import options
from jobs.cli.configuration import find_configuration, read_configuration
from jobs.cli.console import out, print_json
from jobs.cli.exit_codes import failed_if
from jobs.cli.options import OutputFormat
from jobs.doctor.findings import Finding, Level
from jobs.doctor.python_checks import check_packages, check_python, check_software

_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}


def doctor(
    home: options.Home,
    kafka: options.Kafka = None,
    flink: options.Flink = None,
    database_url: options.JobUrl = None,
    output: Annotated[OutputFormat, typer.Option("--format", help="How to print.")] = OutputFormat.TABLE,
) -> None:
    """Check what is installed and what runs, and say what is wrong and what to do.

    Changes nothing. The exit code is 1 if there is a problem. With --format json a line has one finding.
    """
    levels: Counter[Level] = Counter()
    of_python = (check_software(), check_python(), check_packages(), *_configuration())
    for finding in chain(of_python, _examine(home=home, kafka=kafka, flink=flink, database_url=database_url)):
        levels[finding.level] += 1
        if output is OutputFormat.JSON:
            print_json(asdict(finding))
        else:
            out.print(finding_line(finding), soft_wrap=True)
    if output is OutputFormat.TABLE:
        out.print(", ".join(_count(levels[level], level) for level in (Level.PROBLEM, Level.WARNING)), highlight=False)
    raise typer.Exit(failed_if(levels[Level.PROBLEM] > 0))


def _examine(**addresses: Any) -> Iterator[Finding]:
    try:
        from jobs.cluster.service_addresses import Addresses
        from jobs.doctor.examination import examine
    except ImportError as error:  # what is missing stands in the line of the packages
        found = f"the other checks cannot begin: {error}"
        yield Finding(subject="installation", level=Level.PROBLEM, found=found, advice="install this version anew")
        return
    yield from examine(Addresses(**addresses))


def _configuration() -> Iterator[Finding]:
    path = find_configuration(os.environ, Path.cwd())
    if path is None:
        return
    urls = [str(value) for key, value in read_configuration(path).items() if key.endswith("database_url")]
    holds_password = any(urlsplit(url).password for url in urls)
    if holds_password and path.stat().st_mode & 0o077:
        advice = f"chmod 600 {path}"
        yield Finding(
            subject="configuration", level=Level.WARNING, found=f"others may read the password in {path}", advice=advice
        )
        return
    yield Finding(subject="configuration", found=f"defaults of options are from {path}")


def _count(n: int, level: Level) -> str:
    return f"{n} {level}{'' if n == 1 else 's'}"


def finding_line(finding: Finding) -> Text:
    """Write a finding in one line: how bad it is, what was looked at, what was found, what to do."""
    advice = f": {finding.advice}" if finding.advice else ""
    return Text.assemble(
        (f"{finding.level:<8}", _STYLES[finding.level]),
        (f"{finding.subject:<18}", "bold"),
        " ".join(f"{finding.found}{advice}".split()),
    )
