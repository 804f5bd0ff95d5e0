"""Inflates what is whole of a gzip file: members that follow one another, one that is cut, others after it.

A gzip file is a row of members, each with a checksum at its end. Where one breaks off, the next one is looked for by
its header, and by whether it inflates to text; or the next block of it that is stored as it is, for such a block needs
nothing of what was before.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterable, Iterator
from itertools import chain
from typing import Final

import numpy as np

from ingest.recordings.file_bytes import GZIP_MAGIC, Loss, Piece, is_text, zeros_lost

_HEADER: Final = GZIP_MAGIC + b"\x08"
_RESERVED_FLAGS: Final = 0xE0
_GZIP: Final = 16 + zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS
_LOOK_BACK_BYTES: Final = 96 * 1024
_STORED_HEADER_BYTES: Final = 5
_CHECKSUM_BYTES: Final = 8
_INPUT_BYTES: Final = 16 * 1024
_OUTPUT_BYTES: Final = 2**20
_LOOK_AHEAD_BYTES: Final = 4 * 1024
_TRIAL_BYTES: Final = 512
_SIZE_BYTES: Final = 4
_TRIED_ZEROS: Final = 64
_BYTES_OF_A_ZERO: Final = 100
_MOST_TRIALS: Final = 100_000
"""So many headers that are none are looked at in a file; one that holds more is made to cost time."""

_CHECKSUM_REST: Final = {"incorrect data check": 5, "incorrect length check": 1}
"""By zlib's words: how many bytes of a member's end stand behind those that showed that it is wrong."""


def inflate(pieces: Iterable[Piece | Loss]) -> Iterator[Piece | Loss]:
    """Inflate the members of a gzip file.

    Parameters
    ----------
    pieces : iterable of Piece or Loss
        Of the file, in order.

    Yields
    ------
    Piece or Loss
        Of the text, `at_byte` of what it was inflated from. What is before a loss, and what comes after it, is right
        unless a checksum is wrong.
    """
    data = _Input(pieces)
    is_expected = True
    while True:
        if not data.fill(_LOOK_AHEAD_BYTES):
            if data.loss is None:
                return
            yield data.pass_loss()._replace(n_zeros=0)  # of the text there are none
            is_expected = False
        elif data.at_member(0) or (is_expected and data.at_header(0)):
            is_expected = yield from _inflate_member(data)
        else:
            yield from _pass_what_is_no_member(data)


def _inflate_member(data: _Input) -> Generator[Piece | Loss, None, bool]:
    """Inflate the member that begins here; return whether it is whole."""
    inflater, is_begun = zlib.decompressobj(_GZIP), False
    holds_gzip = (data.trial(0) or b"").startswith(GZIP_MAGIC)  # whose members are none of this file
    while not inflater.eof:
        data.fill(_INPUT_BYTES + _LOOK_AHEAD_BYTES)
        given = data.first(_INPUT_BYTES) if holds_gzip else data.before_next_member(_INPUT_BYTES, is_begun=is_begun)
        if not given and data.loss is not None and not data.first(1):
            n_end = _zeros_at_end(inflater) if data.loss.n_zeros else 0
            if not n_end and not _goes_on(inflater, data.loss.n_zeros):
                return False
            data.take_zeros(n_end or data.loss.n_zeros)
            continue
        if not given:
            is_end = not data.first(1)
            where = "" if is_end else ", where other begins,"
            yield Loss(f"that its gzip data ends in the middle{where}", data.at_byte, unfinished=is_end)
            return False
        n_read, error = yield from _inflate_some(inflater, given, data.at_byte)
        data.skip(n_read)
        if error:
            n_checksum = _CHECKSUM_REST.get(error)
            if n_checksum is None:
                yield Loss("damaged gzip data", data.at_byte)
                if data.go_back_to_stored_block():
                    yield from _inflate_stored(data)
            else:
                yield Loss("a wrong checksum of the gzip data, of which some may be damaged", data.at_byte)
                data.skip(len(data.before_next_member(n_checksum, is_begun=True)))
            return False
        is_begun = True
    return True


def _inflate_some(inflater: zlib._Decompress, given: bytes, at_byte: int) -> Generator[Piece, None, tuple[int, str]]:
    """Inflate some bytes; return how many of them are right, and what is wrong with the next."""
    rest = given
    while True:
        before = inflater.copy()
        try:
            text = inflater.decompress(rest, _OUTPUT_BYTES)
        except zlib.error as error:
            text, n_read = _inflate_bytewise(before, rest)
            if text:
                yield Piece(text, at_byte)
            return len(given) - len(rest) + n_read, str(error).rpartition(": ")[2]
        if text:
            yield Piece(text, at_byte)
        rest = inflater.unconsumed_tail
        if inflater.eof or not (rest or len(text) == _OUTPUT_BYTES):
            return len(given) - len(inflater.unused_data), ""


def _zeros_at_end(inflater: zlib._Decompress) -> int:
    """Tell how many zero bytes a member wants for its end, which its size in four bytes may have."""
    trial = inflater.copy()
    try:
        trial.decompress(bytes(_SIZE_BYTES))
    except zlib.error:
        return 0
    return _SIZE_BYTES - len(trial.unused_data) if trial.eof else 0


def _goes_on(inflater: zlib._Decompress, n_zeros: int) -> bool:
    """Tell whether zero bytes are what a long run in a line was compressed to, and not what a power loss left.

    Then each makes hundreds of bytes. A lost block may repeat lines that were before it, which must not be read again.
    """
    if not n_zeros:
        return False
    n_tried = min(n_zeros, _TRIED_ZEROS)
    try:
        text = inflater.copy().decompress(bytes(n_tried), _OUTPUT_BYTES)
    except zlib.error:
        return False
    return len(text) >= n_tried * _BYTES_OF_A_ZERO and not text.partition(b"\n")[2].strip(b"\n")


def _inflate_bytewise(inflater: zlib._Decompress, given: bytes) -> tuple[bytes, int]:
    """Inflate up to the byte that is wrong; return also how many bytes are before it."""
    texts: list[bytes] = []
    for number in range(len(given)):
        try:
            texts.append(inflater.decompress(given[number : number + 1]))
        except zlib.error:
            return b"".join(texts), number
    return b"".join(texts), len(given)


def _pass_what_is_no_member(data: _Input) -> Iterator[Piece | Loss]:
    begin, n_bytes = data.at_byte, 0
    stored = -1
    while stored < 0 and data.fill(_INPUT_BYTES + _LOOK_AHEAD_BYTES):
        if not (passed := len(data.before_next_member(_INPUT_BYTES, is_begun=n_bytes > 0))):
            break
        stored = next(data.stored_blocks(passed), -1)
        passed = passed if stored < 0 else stored
        data.skip(passed)
        n_bytes += passed
    if n_bytes:
        yield Loss(f"{n_bytes:,} bytes that are no gzip data", begin)
    if stored >= 0:
        yield from _inflate_stored(data)


def _inflate_stored(data: _Input) -> Iterator[Piece | Loss]:
    """Inflate what follows a damage in a member, from a block on that is stored as it is."""
    inflater = zlib.decompressobj(_RAW)
    while not inflater.eof and data.fill(_INPUT_BYTES + _LOOK_AHEAD_BYTES):
        given = data.before_next_member(_INPUT_BYTES, is_begun=True)
        n_read, error = yield from _inflate_some(inflater, given, data.at_byte)
        data.skip(n_read)
        if error or not given:
            yield Loss("damaged gzip data", data.at_byte)
            if not (error and data.go_back_to_stored_block()):
                return
            inflater = zlib.decompressobj(_RAW)
    if inflater.eof and data.fill(_CHECKSUM_BYTES):
        data.skip(len(data.before_next_member(_CHECKSUM_BYTES, is_begun=True)))


class _Input:
    """Compressed bytes that wait, up to the next loss in them."""

    def __init__(self, pieces: Iterable[Piece | Loss]) -> None:
        self._pieces = iter(pieces)
        self._buffer = b""
        self._past = b""  # what was taken off last
        self._n_trials = 0
        self.at_byte = 0
        self.loss: Loss | None = None
        self.is_at_end = False

    def fill(self, n_bytes: int) -> bool:
        """Have so many bytes wait if there are so many; say whether any do."""
        while len(self._buffer) < n_bytes and self.loss is None and not self.is_at_end:
            event = next(self._pieces, None)
            if isinstance(event, Loss):
                self.loss = event
            elif event is None:
                self.is_at_end = True
            else:
                if not self._buffer:
                    self.at_byte = event.at_byte
                self._buffer += event.data
        return bool(self._buffer)

    def pass_loss(self) -> Loss:
        """Go on behind a loss; all bytes before it are read."""
        loss, self.loss = self.loss, None
        self._past = b""
        if loss is None:
            raise ValueError("there is no loss")
        return loss

    def take_zeros(self, n_bytes: int) -> None:
        """Take zero bytes of a loss for what they are."""
        loss = self.pass_loss()
        begins = range(0, n_bytes, _INPUT_BYTES)
        zeros = (Piece(bytes(min(_INPUT_BYTES, n_bytes - begin)), loss.at_byte + begin) for begin in begins)
        lost = [zeros_lost(loss.n_zeros - n_bytes, loss.at_byte + n_bytes)] if n_bytes < loss.n_zeros else []
        self._pieces = chain(zeros, lost, self._pieces)

    def skip(self, n_bytes: int) -> None:
        """Take bytes off."""
        self._past = (self._past + self._buffer[:n_bytes])[-_LOOK_BACK_BYTES:]
        self._buffer = self._buffer[n_bytes:]
        self.at_byte += n_bytes

    def before_next_member(self, most: int, *, is_begun: bool) -> bytes:
        """Return what comes before the next member; one that begins here counts unless we stand at its beginning."""
        found = self._buffer.find(_HEADER, 0 if is_begun else 1, most + len(_HEADER) - 1)
        while found >= 0 and not self.at_member(found):
            found = self._buffer.find(_HEADER, found + 1, most + len(_HEADER) - 1)
        return self._buffer[: most if found < 0 else found]

    def first(self, most: int) -> bytes:
        """Return what waits, up to so many bytes."""
        return self._buffer[:most]

    def at_header(self, position: int) -> bool:
        """Tell whether a position has what a member begins with."""
        flags = self._buffer[position + len(_HEADER) : position + len(_HEADER) + 1]
        return self._buffer.startswith(_HEADER, position) and not (flags and flags[0] & _RESERVED_FLAGS)

    def at_member(self, position: int) -> bool:
        """Tell whether a member begins at a position: a header, and text that is inflated from what follows."""
        if not self.at_header(position) or self._n_trials >= _MOST_TRIALS:
            return False
        self._n_trials += 1
        text = self.trial(position)
        return text is not None and (text.startswith(GZIP_MAGIC) or is_text(text))

    def go_back_to_stored_block(self) -> bool:
        """Stand where the stored block begins in which a damage showed, and tell whether there is one.

        Where bytes were put into a block, text stands in the place of the next one's header, and is inflated as if it
        were one, often for hundreds of bytes. Where some are missing, the block has taken the next header for text.
        """
        n_past = len(self._past)
        self._buffer, self._past = self._past + self._buffer, b""
        begin, read_to = n_past, 0
        for at in self.stored_blocks(n_past):
            if self._stored_end(at) > n_past:
                begin = at
                break
            read_to = self._stored_end(at)  # such a block was read as it is
        n_left = self._stored_end(begin) - read_to if begin < read_to else 0
        header = bytes([self._buffer[begin], *n_left.to_bytes(2, "little"), *(n_left ^ 0xFFFF).to_bytes(2, "little")])
        self._buffer = header + self._buffer[read_to:] if n_left else self._buffer[begin:]
        self.at_byte += max(begin, read_to - len(header)) - n_past
        return begin < n_past

    def stored_blocks(self, most: int) -> Iterator[int]:
        """Find blocks of text that are stored as it is: a length, and it once more with each bit turned, before it."""
        waiting = np.frombuffer(self._buffer, np.uint8, min(len(self._buffer), most + _STORED_HEADER_BYTES - 1))
        if len(waiting) < _STORED_HEADER_BYTES:
            return
        kind, low, high, low_turned, high_turned = (waiting[n : len(waiting) - 4 + n] for n in range(5))
        found = np.flatnonzero((kind <= 1) & (low ^ low_turned == 0xFF) & (high ^ high_turned == 0xFF))
        for at in found.tolist():
            begin = at + _STORED_HEADER_BYTES
            text = self._buffer[begin : min(self._stored_end(at), begin + _TRIAL_BYTES)]
            if text and is_text(text):
                yield at

    def _stored_end(self, at: int) -> int:
        return at + _STORED_HEADER_BYTES + int.from_bytes(self._buffer[at + 1 : at + 3], "little")

    def trial(self, position: int) -> bytes | None:
        """Inflate a little of what follows a position; None if there is nothing to inflate."""
        inflater = zlib.decompressobj(_GZIP)
        try:
            text = inflater.decompress(self._buffer[position : position + _LOOK_AHEAD_BYTES], _TRIAL_BYTES)
        except zlib.error:
            return None
        return text or None
