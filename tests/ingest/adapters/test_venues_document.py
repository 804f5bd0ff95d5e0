"""What `ingest/VENUES.md` prints is what the mapper makes of frames, and what the adapters use."""

from __future__ import annotations

import importlib
import re
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

import ingest
from ingest.adapters.adapter import Adapter
from ingest.adapters.registry import ADAPTERS, VENUES
from ingest.mapping.frame_mapper import map_frame
from udfs.schema import MISSING, MsgType

DOCUMENT = (Path(ingest.__file__).parent / "VENUES.md").read_text("utf-8")
DATA = Path(__file__).with_name("data")
MODULES = (*VENUES, "checks")
NONE = "–"
NOT_OURS = "(not ours)"
"""Ends the kind of a frame that a client may send and the adapter does not."""

each_adapter = pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)


class Row(NamedTuple):
    """A printed frame, and what the table says becomes of it."""

    kind: str
    way: str
    frame: str
    msg_type: str
    seq: str
    request_id: str
    time: str


def section(adapter: Adapter) -> str:
    _, found, text = DOCUMENT.partition(f"\n## {adapter.title}\n")
    assert found, f"a section {adapter.title}"
    return text.partition("\n## ")[0]


def table_rows(text: str) -> list[list[str]]:
    lines = (line for line in text.splitlines() if line.startswith("| "))
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


def printed_frames(text: str = DOCUMENT) -> list[Row]:
    rows = [cells for cells in table_rows(text) if len(cells) >= 7 and cells[1] in ("recv", "send")]
    return [Row(cells[0], cells[1], cells[2].strip("`"), *cells[3:7]) for cells in rows]


def printed_constants() -> dict[str, str]:
    names = {f"`{module}." for module in MODULES}
    rows = [cells for cells in table_rows(DOCUMENT) if any(cells[0].startswith(name) for name in names)]
    return {cells[0].strip("`"): cells[1].strip("`") for cells in rows}


def constants() -> dict[str, str | float]:
    found: dict[str, str | float] = {}
    for module in MODULES:
        for name, value in vars(importlib.import_module(f"ingest.adapters.{module}")).items():
            if name.isupper() and not name.startswith("_") and isinstance(value, str | int | float):
                found[f"{module}.{name}"] = value
    return found


def naive_ns(text: str) -> int:
    """Read ISO 8601 in UTC, or what has passed since the epoch: of seconds today 10 digits, of nanoseconds 19."""
    if text.isdigit():
        return int(text) * 10 ** (19 - len(text))
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 10**9 + int(fraction.ljust(9, "0"))


def to_cell(number: int) -> str:
    return NONE if number == MISSING else str(number)


@pytest.mark.parametrize("row", printed_frames(), ids=lambda row: row.kind)
def test_a_printed_frame_becomes_what_its_row_says(row: Row) -> None:
    message = map_frame(row.frame, "recv" if row.way == "recv" else "send", 0)
    assert message.msg_type.name == row.msg_type
    assert to_cell(message.seq) == row.seq
    assert to_cell(message.request_id) == row.request_id
    assert (message.exchange_ts_ns != MISSING) == (row.time != NONE)


@pytest.mark.parametrize("row", [row for row in printed_frames() if row.time != NONE], ids=lambda row: row.kind)
def test_the_time_is_that_of_the_printed_field(row: Row) -> None:
    found = re.search(rf'"{row.time.strip("`")}":"?([^",}}]+)', row.frame)
    assert found is not None
    assert map_frame(row.frame, "recv", 0).exchange_ts_ns == naive_ns(found[1])


def test_there_are_frames_of_every_type() -> None:
    rows = printed_frames()
    assert len(rows) > 60
    assert {row.msg_type for row in rows} == {msg_type.name for msg_type in MsgType}
    assert {row.way for row in rows} == {"recv", "send"}


@each_adapter
def test_a_section_begins_with_a_command_for_each_interface(adapter: Adapter) -> None:
    assert section(adapter).startswith("\n```sh\n" + "\n".join(adapter.examples) + "\n```\n")


def test_the_printed_constants_are_all_that_the_adapters_have() -> None:
    assert printed_constants().keys() == constants().keys()


@pytest.mark.parametrize(("name", "printed"), printed_constants().items())
def test_a_printed_constant_is_the_adapter_s(name: str, printed: str) -> None:
    value = constants()[name]
    assert printed == value if isinstance(value, str) else float(printed) == value


@each_adapter
def test_the_printed_requests_are_those_of_the_adapter(adapter: Adapter) -> None:
    asked = [adapter.make_feed([adapter.symbol], api=api).requests for api in adapter.api_names]
    rows = [row for row in printed_frames(section(adapter)) if row.way == "send"]
    printed = {row.frame for row in rows if not row.kind.endswith(NOT_OURS)}
    assert {requests[0] for requests in asked if requests} <= printed <= {text for texts in asked for text in texts}


@each_adapter
def test_the_frames_of_the_tests_are_printed(adapter: Adapter) -> None:
    printed = {row.frame for row in printed_frames(section(adapter)) if row.way == "recv"}
    data = yaml.safe_load((DATA / f"{adapter.name}.yaml").read_text("utf-8"))
    for api in adapter.api_names:
        assert data[api]["frames"]
        assert set(data[api]["frames"]) <= printed
