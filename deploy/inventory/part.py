"""A part that is not ours, as every writer of the inventory sees it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

# As licences are written in manifests, POMs, metadata and at the head of their texts; the first that fits wins.
_LICENCES: Final = (
    (r"apache[ -](software )?(license,?)?[ -]*(version )?2\.0|apache\.org/licenses/license-2\.0", "Apache-2.0"),
    (r"publicdomain/zero/1\.0|\bcc0", "CC0-1.0"),
    (r"bsd[ -]2[ -]clause", "BSD-2-Clause"),
    (r"bsd[ -]3[ -]clause|3-clause bsd", "BSD-3-Clause"),
    (r"mit-license|opensource\.org/licenses/mit|\bmit license|^\(?the mit", "MIT"),
    (r"^isc license", "ISC"),
)
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One package, jar, image or program.

    Parameters
    ----------
    kind : str
        What it is: "python", "jar", "program", "image" or "debian".
    name, version : str
        The version is empty where it is not pinned.
    purl : str
        Its package URL.
    licences : tuple of str
        SPDX identifiers, expressions or plain names; empty where nothing says it.
    source : str
        The file that pins it, or the part that it lies in.
    group : str
        Of a jar from Maven.
    sha256 : str
        Of the one file that it is; empty where it is one of several files or none.
    needs : tuple of str
        The purls of what it needs.
    notices : tuple of (str, str)
        Names and texts of the licences and notices that come with it.
    """

    kind: str
    name: str
    version: str
    purl: str
    source: str
    group: str = ""
    licences: tuple[str, ...] = ()
    sha256: str = ""
    needs: tuple[str, ...] = ()
    notices: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """The name as its own registry writes it."""
        return f"{self.group}:{self.name}" if self.group else self.name


def spdx_of(text: str) -> str | None:
    """Return the SPDX identifier of a licence's name, address or head; None if it is none of those that occur here.

    Examples
    --------
    >>> spdx_of("The Apache Software License, Version 2.0")
    'Apache-2.0'
    >>> spdx_of("My own words") is None
    True
    """
    words = " ".join(text.split()).lower()
    return next((name for pattern, name in _LICENCES if re.search(pattern, words)), None)


def spdx_or_name(texts: Iterable[str]) -> tuple[str, ...]:
    """Return identifiers for those that have one, the words themselves for the rest, each once."""
    return tuple(dict.fromkeys(spdx_of(text) or text.strip() for text in texts if text.strip()))
