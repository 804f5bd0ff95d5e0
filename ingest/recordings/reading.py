"""Reads many recordings: what cannot be read is left out and named, and does not end the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from ingest.recordings.capture_files import find_recordings
from ingest.recordings.damage import Damage, TellDamage
from udfs.errors import ConfigError, PipelineError, SchemaError

Parts = tuple[Path, ...]
_T = TypeVar("_T")


class Reading:
    """Finds and reads recordings, and keeps in mind whether all were whole.

    Parameters
    ----------
    warn : callable
        Told a sentence for each recording that is left out, and for what is lost of one.

    Attributes
    ----------
    is_whole : bool
        Nothing was left out or lost. A recording that only ends too early, as that of a recorder that still runs or
        was killed, is whole.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self.is_whole = True

    def find(self, paths: Iterable[Path]) -> list[Parts]:
        """List the recordings as `find_recordings` does, without those whose parts do not fit together."""
        errors: list[PipelineError] = []
        found = find_recordings(paths, errors.append)
        if errors and not found:
            raise errors[0]
        for error in errors:
            self.skip(error)
        return found

    def read_each(self, recordings: list[Parts], read: Callable[[Parts, TellDamage], _T]) -> Iterator[tuple[Parts, _T]]:
        """Read one recording after the other.

        Raises
        ------
        PipelineError
            Why a recording cannot be read if it is the only one, or if none can.
        """
        n_read, last = 0, len(recordings) - 1
        for number, parts in enumerate(recordings):
            try:
                result = read(parts, self.tell)
            except (ConfigError, SchemaError) as error:
                if number == last and not n_read:
                    raise
                self.skip(error)
                continue
            n_read += 1
            yield parts, result

    def tell(self, damage: Damage) -> None:
        """Take note of what is lost of a recording that is read."""
        self.is_whole = self.is_whole and damage.unfinished
        self._warn(str(damage))

    def skip(self, error: PipelineError) -> None:
        """Take note of a recording that is left out."""
        self.is_whole = False
        self._warn(f"{error} (left out)")
