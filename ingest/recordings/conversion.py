"""Turn recordings of other projects into captures."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self, cast

from ingest.frame import Direction, Frame
from ingest.recordings.capture import connection_id_of, inflated_lines, shorten, to_line
from ingest.recordings.foreign_formats import FORMATS, Entry, Kind, detect_format, line_forms, read_entries
from udfs.errors import ConfigError, SchemaError

_LEVEL: Final = 6
_PROGRESS_LINES: Final = 1000


@dataclass(kw_only=True)
class Conversion:
    """What became of each line of a recording.

    Attributes
    ----------
    skipped : Counter
        Lines that are no frame, by what they are.
    further_lines : int
        Lines that continue a frame.
    """

    source: Path
    format: str
    captures: list[Path] = field(default_factory=list)
    received: int = 0
    sent: int = 0
    further_lines: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def lines(self) -> int:
        """How many lines the recording has."""
        return self.received + self.sent + self.further_lines + self.skipped.total()


def convert(source: Path, folder: Path, *, progress: Callable[[int], None] = lambda _: None) -> Conversion:
    """Convert a recording, told by its content, to a capture for each of its connections.

    A recording begins a new connection with each line that says so (cryptofeed's `<url> <-> <time>`): reconnections
    follow one another in a file. The captures are named after the recording, without `.gz`: `NAME.jsonl.gz`, then
    `NAME-2.jsonl.gz` and so on; attempts to connect that brought no frame make none. hftbacktest's files do not tell
    connections apart and become one capture each. Nothing is written unless the whole recording could be read.

    Parameters
    ----------
    source : path
        Plain or gzip'd.
    folder : path
        Where the captures go.
    progress : callable
        Told how many bytes of the file were read.

    Raises
    ------
    ConfigError
        If the recording cannot be read, or a capture of that name is there already.
    SchemaError
        If it is no such recording, or mixes frames of several connections.
    """
    conversion = Conversion(source=source, format="")
    with closing(_lines(source, conversion, progress)) as lines, _Captures(source, folder) as captures:
        first: list[bytes] = []
        conversion.format = _detect(lines, first, source)
        for entry in read_entries(chain(first, lines), FORMATS[conversion.format], source):
            _count(conversion, entry)
            if entry.kind is Kind.CONNECT:
                captures.connect(entry)
            elif entry.is_frame:
                captures.write(entry)
        conversion.captures = captures.keep()
    return conversion


def _detect(lines: Iterator[bytes], first: list[bytes], source: Path) -> str:
    """Read up to the first line that is not blank, into `first`, and tell the format."""
    for line in lines:
        first.append(line)
        text = line.decode("utf-8", "replace").strip("\r\n")
        if text:
            name = detect_format(text)
            if name is None:
                raise SchemaError(
                    f"Expected {line_forms()}, found {shorten(text)} in line {len(first)} of {source}: name another "
                    "recording, for no other form is read"
                )
            return name
    raise SchemaError(f"Expected {line_forms()}, found no line in {source}: name another recording")


def _count(conversion: Conversion, entry: Entry) -> None:
    if entry.kind is Kind.RECEIVED:
        conversion.received += 1
    elif entry.kind is Kind.SENT:
        conversion.sent += 1
    else:
        conversion.skipped[entry.kind] += entry.n_lines
        return
    conversion.further_lines += entry.n_lines - 1


def _lines(source: Path, conversion: Conversion, progress: Callable[[int], None]) -> Generator[bytes, None, None]:
    try:
        with source.open("rb") as file:
            for number, line in enumerate(inflated_lines(file, source), start=1):
                yield line
                if number % _PROGRESS_LINES == 0:
                    progress(file.tell())
            progress(file.tell())
    except EOFError:
        conversion.skipped[Kind.CUT] += 1
    except OSError as error:
        raise ConfigError(
            f"Expected to read the recording {source}, found {error.strerror or error}: name a readable file"
        ) from error


class _Captures:
    """Writes the captures of one recording; they get their names when all is read, or are gone."""

    def __init__(self, source: Path, folder: Path) -> None:
        self._source = source
        self._folder = folder
        self._paths: list[Path] = []
        self._url = ""
        self._file: BinaryIO | None = None
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
        """End one connection and begin another."""
        self._open.close()
        self._file = None
        self._url = entry.url

    def write(self, entry: Entry) -> None:
        """Write a frame of the connection."""
        if entry.url and entry.url != (self._url or entry.url):
            raise SchemaError(
                f"Expected the frames of one connection after another, found in line {entry.number} of {self._source} "
                f"one to {shorten(entry.url)} within a connection to {shorten(self._url)}: leave the recording out"
            )
        self._url = self._url or entry.url
        if self._file is None:
            self._file = self._begin()
        direction: Direction = "recv" if entry.kind is Kind.RECEIVED else "send"
        self._file.write(to_line(Frame(entry.ts_ns, direction, entry.text)))

    def keep(self) -> list[Path]:
        """Give all captures their names."""
        self._open.close()
        for path in self._paths:
            _unfinished(path).replace(path)
        return self._paths

    def _begin(self) -> BinaryIO:
        name = self._source.name.removesuffix(".gz")
        path = self._folder / f"{name}{f'-{len(self._paths) + 1}' if self._paths else ''}.jsonl.gz"
        connection_id_of(path)
        if path.exists():
            raise ConfigError(f"Expected to write {path}, found it there already: choose another --out, or remove it")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._paths.append(path)
        file = self._open.enter_context(_unfinished(path).open("wb"))
        inflated = gzip.GzipFile("", "wb", _LEVEL, file, mtime=0)  # the same bytes whenever it is made
        return cast(BinaryIO, self._open.enter_context(inflated))


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.unfinished")
