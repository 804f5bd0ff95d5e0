"""Damaged recordings: every whole line is kept, and what is lost is named."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.frame import Frame
from ingest.recordings.capture import read_frames, to_line
from ingest.recordings.damage import Damage
from ingest.recordings.whole_lines import MAX_LINE_BYTES
from udfs.errors import ConfigError, SchemaError

ZEROS = bytes(4096)


def frames_of(n: int, first: int = 0) -> list[Frame]:
    """Return frames that do not compress well, so that a member is longer than its header."""
    rng = np.random.default_rng(first)
    return [Frame(first + i, "recv", f'{{"seq":{i},"of":"{rng.bytes(30).hex()}"}}') for i in range(n)]


def lines_of(frames: list[Frame]) -> bytes:
    return b"".join(map(to_line, frames))


FIRST, SECOND = frames_of(300), frames_of(200, 1_000)
BOTH = lines_of(FIRST + SECOND)
MEMBER, NEXT = (gzip.compress(lines_of(frames), mtime=0) for frames in (FIRST, SECOND))


def read(path: Path, content: bytes) -> tuple[list[Frame], list[Damage]]:
    path.write_bytes(content)
    told: list[Damage] = []
    return list(read_frames(path, told.append)), told


def whole_lines(gzipped: bytes) -> list[Frame]:
    """Read the beginning of a gzip stream by zlib and json alone."""
    lines = zlib.decompressobj(31).decompress(gzipped).split(b"\n")[:-1]
    return [Frame(*json.loads(line).values()) for line in lines]


@pytest.mark.parametrize("cut", [11, 500, len(MEMBER) // 2, len(MEMBER) - 8, len(MEMBER) - 1])
def test_a_member_appended_to_one_that_is_cut(tmp_path: Path, cut: int) -> None:
    found, told = read(tmp_path / "x.jsonl.gz", MEMBER[:cut] + NEXT + gzip.compress(b""))
    assert found == whole_lines(MEMBER[:cut]) + SECOND
    (damage,) = told
    assert f"ends in the middle, where other begins, at byte {cut:,}, before line" in damage.what
    assert not damage.unfinished


def test_members_of_which_one_is_cut_in_the_middle(tmp_path: Path) -> None:
    cut = NEXT[: len(NEXT) // 2]
    found, told = read(tmp_path / "x.jsonl.gz", MEMBER + cut + MEMBER + NEXT)
    assert found == FIRST + whole_lines(cut) + FIRST + SECOND
    assert len(told) == 1


@pytest.mark.parametrize("kept", [0, len(MEMBER) // 2, len(MEMBER)])
@pytest.mark.parametrize("after", [b"", NEXT])
def test_zeros_after_a_member_or_in_it(tmp_path: Path, kept: int, after: bytes) -> None:
    content = MEMBER[:kept] + ZEROS + MEMBER[kept + len(ZEROS) :] * bool(after) + after
    frames = whole_lines(MEMBER[:kept]) + SECOND * bool(after)
    if not frames:
        with pytest.raises(SchemaError, match="found 4,096 zero bytes at byte 0, before line 1 in"):
            read(tmp_path / "x.jsonl.gz", content)
        return
    found, told = read(tmp_path / "x.jsonl.gz", content)
    assert found == frames
    assert told[0].what.startswith(f"4,096 zero bytes at byte {kept:,}, before line ")
    assert not told[0].unfinished


def test_zeros_repeat_no_line(tmp_path: Path) -> None:
    """Inflated as if they were data, they would copy the line before, which is the commonest thing here."""
    line = b'{"ts_ns":1,"dir":"recv","frame":"{}"}\n'
    member = gzip.compress(line * 100_000)
    half = len(member) // 2
    found, told = read(tmp_path / "x.jsonl.gz", member[:half] + ZEROS + member[half:])
    assert len(found) <= 100_000
    assert told


def test_zeros_in_plain_text(tmp_path: Path) -> None:
    first, second = lines_of(FIRST), lines_of(SECOND)
    found, told = read(tmp_path / "x.jsonl", first[:-30] + ZEROS + second + ZEROS)
    assert found == FIRST[:-1] + SECOND
    assert [damage.what for damage in told] == [
        f"4,096 zero bytes at byte {len(first) - 30:,}, before line 301",
        f"4,096 zero bytes at byte {len(first) - 30 + 4096 + len(second):,}, before line 501",
    ]


def test_what_is_appended_to_plain_text_that_is_cut(tmp_path: Path) -> None:
    found, told = read(tmp_path / "x.jsonl", lines_of(FIRST)[:-30] + lines_of(SECOND))
    assert found == FIRST[:-1] + SECOND
    assert [" in line 300" in damage.what for damage in told] == [True]


def test_garbage_behind_a_member(tmp_path: Path) -> None:
    found, told = read(tmp_path / "x.jsonl.gz", MEMBER + b"garbage" + NEXT + b"\x1f\x8b")
    assert found == FIRST + SECOND
    assert [damage.what for damage in told] == [
        f"7 bytes that are no gzip data at byte {len(MEMBER):,}, before line 301",
        f"2 bytes that are no gzip data at byte {len(MEMBER + NEXT) + 7:,}, before line 501",
    ]


@pytest.mark.parametrize("change", [b"\0\xffspliced", b"spliced", b'\n{"ts_ns":1}\n', -3, -900])
@pytest.mark.parametrize("behind", [b"", NEXT])
def test_a_member_that_stores_its_text_goes_on_at_its_next_block(
    tmp_path: Path, change: bytes | int, behind: bytes
) -> None:
    """Bytes that are put in, or are missing, shift the block's end, where others are taken for the next header."""
    frames = frames_of(2_000, 5_000)
    text = lines_of(frames)
    member = gzip.compress(text, 0, mtime=0)
    begin = 10 + 5  # of a member and of a block
    length, at = int.from_bytes(member[11:13], "little"), begin + 1_000
    assert length < len(text)
    put_in, n_out = (change, 0) if isinstance(change, bytes) else (b"", -change)
    found, told = read(tmp_path / "x.jsonl.gz", member[:at] + put_in + member[at + n_out :] + behind)
    ends = list(accumulate(len(to_line(frame)) for frame in frames))
    shown = length + n_out - 5 if n_out else length
    lost = [(1_000, 1_000 + n_out), (length - len(put_in), length + 1), (shown, shown + 1)]
    whole = [
        frame
        for frame, start, end in zip(frames, [0, *ends], ends, strict=False)
        if all(end <= first or start >= last for first, last in lost)
    ]
    expected = whole + SECOND * bool(behind)
    assert [frame for frame in found if frame in set(expected)] == expected
    assert len(found) <= len(expected) + 3, "a line beside a loss may be whole"
    assert told


@pytest.mark.parametrize("place", [-8, -1])
def test_a_wrong_checksum(tmp_path: Path, place: int) -> None:
    wrong = bytearray(MEMBER)
    wrong[place] ^= 1
    found, told = read(tmp_path / "x.jsonl.gz", bytes(wrong) + NEXT)
    assert found == FIRST + SECOND
    (damage,) = told
    assert damage.what.startswith("a wrong checksum")


def test_a_cut_file_is_only_unfinished(tmp_path: Path) -> None:
    found, told = read(tmp_path / "x.jsonl.gz", MEMBER[:-9])
    assert found == FIRST
    assert [damage.unfinished for damage in told] == [True]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + BOTH,
        BOTH.replace(b"\n", b"\n\xef\xbb\xbf"),
        MEMBER + gzip.compress(b"\xef\xbb\xbf" + gzip.decompress(NEXT), mtime=0),
        BOTH.replace(b"\n", b"\r\n"),
        BOTH.replace(b"\n", b"\n\n\r\n \t\n"),
        BOTH.replace(b"\n", b"\r"),
        BOTH[:-1],
        MEMBER + NEXT,
        gzip.compress(MEMBER + NEXT, mtime=0),
        gzip.compress(MEMBER, 0, mtime=0) + gzip.compress(NEXT, 0, mtime=0),
        gzip.compress(gzip.compress(BOTH, 0, mtime=0), 0, mtime=0),
        gzip.compress(b"\xef\xbb\xbf" + BOTH, mtime=0),
        gzip.compress(BOTH[:777], mtime=0) + gzip.compress(BOTH[777:], mtime=0),
    ],
)
@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz"])
def test_what_is_read_without_a_word(tmp_path: Path, content: bytes, name: str) -> None:
    assert read(tmp_path / name, content) == (FIRST + SECOND, [])


def test_line_ends_of_unicode_are_no_line_ends(tmp_path: Path) -> None:
    frames = [Frame(1, "recv", "a\u0085b\u2028c\u2029d\x0be\x0cf\rg\nh")]
    assert read(tmp_path / "x.jsonl", lines_of(frames)) == (frames, [])


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x28\xb5\x2f\xfd" + bytes(20), "compressed by zstd"),
        (bz2.compress(BOTH), "compressed by bzip2"),
        (lzma.compress(BOTH), "compressed by xz"),
        (BOTH.decode().encode("utf-16"), "UTF-16"),
        (BOTH.decode().encode("utf-16-le"), "UTF-16"),
        (BOTH.decode().encode("utf-16-be"), "UTF-16"),
        (b"\0\x05\x16\x07\0\2\0\0Mac OS X        ", "the companion in which macOS"),
        (gzip.compress(gzip.compress(MEMBER, mtime=0), mtime=0), "gzip'd more than"),
        (b"", "found none"),
        (b"\n\r\n", "found none"),
        (MEMBER[:10], "ends in the middle"),
        (b"\x1f\x8b", "2 bytes that are no gzip data"),
        (os.urandom(3_000), ""),
    ],
)
def test_what_holds_nothing_to_read_is_refused_in_a_sentence(tmp_path: Path, content: bytes, kind: str) -> None:
    if kind.startswith("gzip'd"):
        content = gzip.compress(content)
    with pytest.raises(SchemaError, match=rf"^Expected .*{kind}"):
        read(tmp_path / "x.jsonl.gz", content)


def test_a_zip_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.jsonl", BOTH)
    with pytest.raises(SchemaError, match="is a zip archive"):
        list(read_frames(path))


def test_what_is_no_file(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe.jsonl", tmp_path / "link.jsonl"
    os.mkfifo(pipe)
    link.symlink_to(link)
    for path, found in ((pipe, "a pipe"), (link, "Too many levels"), (tmp_path, "a folder")):
        with pytest.raises(ConfigError, match=f"^Expected to read the file .*found .*{found}"):
            list(read_frames(path))


def test_a_line_that_is_too_long_is_left_out(tmp_path: Path) -> None:
    long = to_line(Frame(5, "recv", "x" * MAX_LINE_BYTES))
    found, told = read(tmp_path / "x.jsonl.gz", gzip.compress(lines_of(FIRST) + long + lines_of(SECOND), 1))
    assert found == FIRST + SECOND
    (damage,) = told
    assert f"a line of more than {MAX_LINE_BYTES:,} bytes" in damage.what
    assert "before line 301" in damage.what


def test_a_long_run_of_one_character_is_compressed_to_zeros_and_read(tmp_path: Path) -> None:
    frames = [*FIRST, Frame(5, "recv", "x" * 2**20), *SECOND]
    content = gzip.compress(lines_of(frames))
    assert bytes(64) in content
    assert read(tmp_path / "x.jsonl.gz", content) == (frames, [])


def test_many_blank_lines_are_compressed_to_zeros_and_read(tmp_path: Path) -> None:
    short = to_line(Frame(1, "recv", ""))
    content = gzip.compress(short * 2 + b"\n" * 500_000 + short, 6)
    assert bytes(64) in content
    assert read(tmp_path / "x.jsonl.gz", content) == ([Frame(1, "recv", "")] * 3, [])


def test_many_losses_are_few_sentences(tmp_path: Path) -> None:
    _, told = read(tmp_path / "x.jsonl", b"\n".join(line + ZEROS for line in BOTH.splitlines()))
    assert [damage.what for damage in told][3:] == ["497 more such places"]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_no_damage_ends_in_a_traceback_or_loses_what_is_before_it(tmp_path: Path, data: st.DataObject) -> None:
    """Compare with what zlib alone finds before the damage, and with what the member behind it holds."""
    place = data.draw(st.integers(0, len(MEMBER) - 1))
    content = bytearray(MEMBER + NEXT)
    kind = data.draw(st.sampled_from(["flip", "zeros", "cut", "remove", "insert", "prefix"]))
    if kind == "flip":
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    elif kind == "zeros":
        content[place : min(place + 512, len(MEMBER))] = bytes(min(512, len(MEMBER) - place))
    elif kind == "cut":
        del content[place : len(MEMBER)]
    elif kind == "remove":
        del content[place : min(place + 100, len(MEMBER))]
    elif kind == "insert":
        content[place:place] = data.draw(st.binary(min_size=1, max_size=100))
    else:
        del content[place:]
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(content)
    before = whole_lines(MEMBER[:place])
    after = [] if kind == "prefix" else SECOND
    if not before and not after:
        return
    told: list[Damage] = []
    found = list(read_frames(path, told.append))
    assert found[: len(before)] == before
    assert found[len(found) - len(after) :] == after
    assert told or found == FIRST + SECOND or (kind, place) == ("cut", 0)
    assert list(read_frames(path, lambda _: None)) == found


MOST_MEMORY = """
import resource, sys
from ingest.recordings.capture import read_capture
from udfs.errors import SchemaError
said = []
try:
    print(len(read_capture(sys.argv[1], tell=said.append)))
except SchemaError as error:
    print(0)
    said.append(error)
print(len(said), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
SHORT = to_line(Frame(1, "recv", ""))
BEGIN, END = to_line(Frame(1, "recv", "|"))[:-1].split(b"|")


def of_parts(*parts: tuple[bytes, int]) -> Iterator[bytes]:
    """Repeat parts, in pieces of a mebibyte."""
    for part, times in parts:
        at_once = max(1, 2**20 // len(part))
        for done in range(0, times, at_once):
            yield part * min(at_once, times - done)


BOMBS = {
    "a line of 1 GiB": (
        (
            (SHORT, 2),
            (BEGIN, 1),
            (b"x" * 2**20, 1024),
            (END + b"\n", 1),
        ),
        2,
    ),
    "zeros": (
        (
            (SHORT, 2),
            (bytes(2**20), 1024),
        ),
        2,
    ),
    "blank lines": (
        (
            (SHORT, 2),
            (b"\n", 2**29),
        ),
        2,
    ),
    "short lines": (((SHORT, 3 * 10**7),), None),
    "arrays": (
        (
            (SHORT, 2),
            (BEGIN + b"[", 1),
            (b"[],", 12 * 2**20),
            (b"0]" + END + b"\n", 1),
        ),
        2,
    ),
    "objects": (
        (
            (SHORT, 2),
            (BEGIN + b"[", 1),
            (b'{\\"a\\":1},', 650_000),
            (b"0]" + END + b"\n", 1),
        ),
        3,
    ),
    "texts": (
        (
            (SHORT, 2),
            (BEGIN + b"[", 1),
            (b'\\"ab\\",', 1_900_000),
            (b"0]" + END + b"\n", 1),
        ),
        3,
    ),
    "depth": (
        (
            (SHORT, 2),
            (BEGIN, 1),
            (b"[", 30 * 2**20),
            (END + b"\n", 1),
        ),
        2,
    ),
    "wide characters": (
        (
            (SHORT, 2),
            (BEGIN + "😀".encode(), 1),
            (b"x", 39 * 2**20),
            (END + b"\n", 1),
        ),
        2,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("is_twice", [False, True])
@pytest.mark.parametrize("bomb", BOMBS)
def test_memory_is_bounded(tmp_path: Path, bomb: str, is_twice: bool) -> None:
    path = tmp_path / "x.jsonl.gz"
    parts, n_frames = BOMBS[bomb]
    with gzip.open(path, "wb", 6) as file:
        for piece in of_parts(*parts):
            file.write(piece)
    if is_twice:
        path.write_bytes(gzip.compress(path.read_bytes(), 9))
    done = subprocess.run([sys.executable, "-c", MOST_MEMORY, str(path)], capture_output=True, text=True, check=True)
    found, told, mebibytes = map(int, done.stdout.split())
    assert n_frames is None or found == n_frames
    assert told <= 4
    assert mebibytes < 500
