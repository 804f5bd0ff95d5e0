"""Turn recordings of other projects into captures."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, NoReturn, Self, cast

from ingest.frame import Direction, Frame
from ingest.mapping.fix_messages import BEGIN
from ingest.recordings.capture import shorten, to_line
from ingest.recordings.capture_files import connection_id_of
from ingest.recordings.damage import Damages
from ingest.recordings.fix_log import FORMAT, is_fix, read_fix_log
from ingest.recordings.foreign_formats import FORMATS, Entry, Kind, detect_format, line_forms, read_entries
from ingest.recordings.whole_lines import read_lines
from udfs.errors import ConfigError, SchemaError

_LEVEL: Final = 6
_FIRST_LINES: Final = 1000
"""A FIX message among them makes a FIX log: engines print other lines before it."""
_FIRST_BYTES: Final = 2**26
"""No more lines are looked at once these are so many bytes."""


@dataclass(kw_only=True)
class Conversion:
    """What became of each line of a recording.

    Attributes
    ----------
    skipped : Counter
        Lines that are no frame, by what they are.
    further_lines : int
        Lines that continue a frame.
    damages : Damages
        What could not be read of the recording; a line beside it counts as cut off if it is not whole.
    """

    source: Path
    format: str
    captures: list[Path] = field(default_factory=list)
    received: int = 0
    sent: int = 0
    further_lines: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.damages = Damages(self.source)

    @property
    def lines(self) -> int:
        """How many lines the recording has."""
        return self.received + self.sent + self.further_lines + self.skipped.total()


def convert(
    source: Path,
    folder: Path,
    *,
    our_comp_id: str | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Conversion:
    """Convert a recording, told by its content, to a capture for each of its connections.

    A recording begins a new connection with each line that says so (cryptofeed's `<url> <-> <time>`): reconnections
    follow one another in a file. The captures are named after the recording, without `.gz`: `NAME.jsonl.gz`, then
    `NAME-2.jsonl.gz` and so on; attempts to connect that brought no frame make none. hftbacktest's files do not tell
    connections apart and become one capture each. A FIX log makes a masked capture of each session from Logon to
    Logon. Nothing is written if a line is none of that
    form; what a damaged recording has lost is left out, and named in `damages`.

    Parameters
    ----------
    source : path
        Plain or gzip'd.
    folder : path
        Where the captures go.
    our_comp_id : str, optional
        Our SenderCompID in a FIX log that does not tell.
    progress : callable
        Told how many bytes of the file were read.

    Raises
    ------
    ConfigError
        If the recording cannot be read, a capture of that name is there already, or a FIX log does not tell which side
        is ours.
    SchemaError
        If it is no such recording, or mixes frames of several connections.
    """
    conversion = Conversion(source=source, format="")
    with closing(_lines(source, conversion, progress)) as lines, _Captures(source, folder) as captures:
        first = _first_lines(lines)
        conversion.format = _detect(first, source, conversion.damages)
        everything = chain(first, lines)
        if conversion.format == FORMAT:
            entries = read_fix_log(everything, source, our_comp_id)
        else:
            entries = read_entries(everything, FORMATS[conversion.format], source)
        for entry in entries:
            _count(conversion, entry)
            if entry.kind is Kind.CONNECT:
                captures.connect(entry)
            elif entry.is_frame:
                captures.write(entry)
        if conversion.format == FORMAT and not conversion.received:
            _refuse(conversion)
        conversion.captures = captures.keep()
    return conversion


def _first_lines(lines: Iterable[bytes]) -> list[bytes]:
    first: list[bytes] = []
    n_bytes = 0
    for line in islice(lines, _FIRST_LINES):
        first.append(line)
        n_bytes += len(line)
        if n_bytes > _FIRST_BYTES:
            break
    return first


def _detect(first: list[bytes], source: Path, damages: Damages) -> str:
    """Tell the format by the first lines, and by the first that is not blank."""
    if any(map(is_fix, first)):
        return FORMAT
    other = next((number for number, line in enumerate(first, start=1) if BEGIN in line), None)
    if other is not None:  # as a frame of another format it would be kept unmasked
        raise SchemaError(
            "Expected FIX messages of 4.0 to 5.0 SP2 with SOH, | or ^A between their fields, found other ones in "
            f"line {other} of {source}: write the log anew in such a form"
        )
    for number, line in enumerate(first, start=1):
        text = line.decode("utf-8", "replace").strip("\r\n")
        if text:
            name = detect_format(text)
            if name is None:
                raise SchemaError(
                    f"Expected {line_forms()}, found {shorten(text)} in line {number} of {source}: name another "
                    "recording, for no other form is read"
                )
            return name
    found = damages.first[0].what if damages.first else "no line"
    raise SchemaError(f"Expected {line_forms()}, found {found} in {source}: name another recording")


def _refuse(conversion: Conversion) -> NoReturn:
    others = ", ".join(f"{count:,} {what}" for what, count in conversion.skipped.items())
    raise SchemaError(
        "Expected FIX messages that are received, with a local time before each and their length and checksum as sent, "
        f"found {conversion.sent:,} sent and {others or 'nothing'} in {conversion.source}: name a log of both "
        "directions that nobody has edited"
    )


def _count(conversion: Conversion, entry: Entry) -> None:
    if entry.kind is Kind.RECEIVED:
        conversion.received += 1
    elif entry.kind is Kind.SENT:
        conversion.sent += 1
    else:
        if entry.n_lines:
            conversion.skipped[entry.kind] += entry.n_lines
        return
    conversion.further_lines += entry.n_lines - 1


def _lines(source: Path, conversion: Conversion, progress: Callable[[int], None]) -> Generator[bytes, None, None]:
    yield from read_lines(source, conversion.damages.lose, progress)


class _Captures:
    """Writes the captures of one recording; they get their names when all is read, or are gone."""

    def __init__(self, source: Path, folder: Path) -> None:
        self._source = source
        self._folder = folder
        self._paths: list[Path] = []
        self._url = ""
        self._files: dict[str, tuple[BinaryIO, ExitStack]] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._open.close()
        finally:
            for path in self._paths:
                _unfinished(path).unlink(missing_ok=True)

    def connect(self, entry: Entry) -> None:
        """End one connection and begin another in its place."""
        if entry.connection in self._files:
            self._files.pop(entry.connection)[1].close()
        self._url = entry.url

    def write(self, entry: Entry) -> None:
        """Write a frame of the connection."""
        if entry.url and entry.url != (self._url or entry.url):
            raise SchemaError(
                f"Expected the frames of one connection after another, found in line {entry.number} of {self._source} "
                f"one to {shorten(entry.url)} within a connection to {shorten(self._url)}: leave the recording out"
            )
        self._url = self._url or entry.url
        if entry.connection not in self._files:
            self._files[entry.connection] = self._begin()
        direction: Direction = "recv" if entry.kind is Kind.RECEIVED else "send"
        self._files[entry.connection][0].write(to_line(Frame(entry.ts_ns, direction, entry.text)))

    def keep(self) -> list[Path]:
        """Give all captures their names."""
        self._open.close()
        for path in self._paths:
            _unfinished(path).replace(path)
        return self._paths

    def _begin(self) -> tuple[BinaryIO, ExitStack]:
        name = self._source.name.removesuffix(".gz")
        path = self._folder / f"{name}{f'-{len(self._paths) + 1}' if self._paths else ''}.jsonl.gz"
        connection_id_of(path)
        if path.exists():
            raise ConfigError(f"Expected to write {path}, found it there already: choose another --out, or remove it")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._paths.append(path)
        until_end = self._open.enter_context(ExitStack())
        file = until_end.enter_context(_unfinished(path).open("wb"))
        inflated = gzip.GzipFile("", "wb", _LEVEL, file, mtime=0)  # the same bytes whenever it is made
        return cast(BinaryIO, until_end.enter_context(inflated)), until_end


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.unfinished")
