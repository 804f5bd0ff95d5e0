"""Logs of FIX engines, written here as engines write them, become masked captures."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fingerprint_testing.fix import fix, framed
from fingerprint_testing.paths import ORDER_LOGS
from ingest.frame import Frame
from ingest.mapping.frame_mapper import map_frame
from ingest.recordings.capture import read_capture, read_frames
from ingest.recordings.conversion import Conversion, convert
from model.training.dataset import read_labelled_captures
from udfs.errors import ConfigError, PipelineError, SchemaError
from udfs.schema import MISSING, MsgType

START_NS = 1519413265 * 10**9
"""2018-02-23 19:14:25 UTC"""

RECORDED = ORDER_LOGS / "FIX.4.2-session.log.gz"

US, THEM = "49=US|56=THEM", "49=THEM|56=US"
LOGON = (f"35=A|34=1|{US}|108=30", f"35=A|34=1|{THEM}|108=30")
ORDERS = (f"35=D|34=2|{US}|11=first-order", f"35=8|34=2|{THEM}|11=first-order|150=0")


def log(*messages: str | bytes) -> bytes:
    """Write a line a message, a ms apart; bytes are lines as they are."""
    lines = []
    for number, message in enumerate(messages):
        if isinstance(message, bytes):
            lines.append(message)
        else:
            lines.append(f"2018-02-23 19:14:25.{number:03d} ".encode() + fix(message) + b"\n")
    return b"".join(lines)


def converted(folder: Path, content: bytes, *, our_comp_id: str | None = None, name: str = "session.log") -> Conversion:
    path = folder / name
    path.write_bytes(content)
    conversion = convert(path, folder / "out", our_comp_id=our_comp_id)
    assert conversion.format == "FIX"
    assert conversion.lines == content.count(b"\n") + (not content.endswith(b"\n")), "each line is accounted for"
    return conversion


def frames(conversion: Conversion) -> list[list[Frame]]:
    return [list(read_frames(path)) for path in conversion.captures]


def directions(conversion: Conversion) -> list[str]:
    return ["".join("s" if frame.direction == "send" else "r" for frame in found) for found in frames(conversion)]


def test_a_session(tmp_path: Path) -> None:
    conversion = converted(tmp_path, log(*LOGON, *ORDERS))
    assert [path.name for path in conversion.captures] == ["session.log.jsonl.gz"]
    assert (conversion.received, conversion.sent, conversion.skipped) == (2, 2, {})
    session = read_capture(conversion.captures[0])
    new, ack = MsgType.NEW, MsgType.ACK
    assert session.msg_type.tolist() == [new, ack, new, ack]
    assert session.recv_ts_ns.tolist() == [START_NS + n * 10**6 for n in range(4)]
    assert session.seq.tolist() == [MISSING, 1, MISSING, 2]
    assert session.request_id[2] == session.request_id[3] != MISSING
    assert session.payload_bytes.tolist() == [len(fix(message)) for message in (*LOGON, *ORDERS)]


def test_a_masked_frame_by_hand(tmp_path: Path) -> None:
    fields = "35=8|34=2|49=THEM|52=20180223-19:14:25.171|56=US|11=first-order|44=99.5|150=0"
    ((_, frame),) = frames(converted(tmp_path, log(ORDERS[0], fields)))
    filler = "x" * (len("49=THEM|56=US|44=99.5|") - len("58=|"))
    kept = f"35=8|34=2|52=20180223-19:14:25.171|11=00000000000|150=0|58={filler}"
    assert frame == Frame(START_NS + 10**6, "recv", fix(kept).decode())


def test_masking_changes_no_column(tmp_path: Path) -> None:
    """But the ids, of which only equality counts."""
    log_lines = (*LOGON, *ORDERS, f"35=3|34=3|{THEM}|45=2|58=no", f"35=4|34=4|{THEM}|43=Y|36=9|123=Y")
    (kept,) = frames(converted(tmp_path, log(*log_lines)))
    for fields, frame in zip(log_lines, kept, strict=True):
        before, after = (map_frame(text, frame.direction, 0) for text in (fix(fields), frame.text))
        assert before._replace(request_id=0) == after._replace(request_id=0)
        assert (before.request_id == MISSING) == (after.request_id == MISSING)
    assert read_capture(tmp_path / "out" / "session.log.jsonl.gz").request_id[4] != MISSING, "the reject is linked"


def test_nothing_of_the_firm_or_its_trades_is_kept(tmp_path: Path) -> None:
    secrets = {
        **{1: "ACCOUNT", 11: "ORDER-77-BUY", 37: "VENUEID", 38: "31415", 41: "OLD-ID-66", 44: "2718.28", 50: "TRADER"},
        **{55: "SYMBOL", 58: "a text", 96: "RAWDATA", 553: "USERNAME", 554: "PASSWORD", 925: "NEWPASSWORD"},
        **{49: "SENDERID", 56: "TARGETID", 57: "SUBID", 379: "REFID-55", 1402: "ENCRYPTED"},
    }
    asked = "95=7|" + "|".join(f"{tag}={value}" for tag, value in secrets.items())
    answered = asked.replace("49=SENDERID|56=TARGETID", "49=TARGETID|56=SENDERID")
    sent, received = (
        [f"35={kind}|34=2|{told}" for kind in kinds] for kinds, told in (("AD", asked), ("8j9", answered))
    )
    conversion = converted(tmp_path, log(*sent, *received))
    text = gzip.decompress(conversion.captures[0].read_bytes()).decode()
    assert [value for value in secrets.values() if value in text] == []
    assert {frame.text.count("=") for frame in frames(conversion)[0]} == {9}, "8 9 35 34 11 41 379 58 10"


def test_short_ids_stay_and_equal_ones_stay_equal(tmp_path: Path) -> None:
    ids = ["7", "abc", "abcd", "abce", "abcd", "a" * 40, "é" * 3]
    ((*found,),) = frames(converted(tmp_path, log(*(f"35=D|34=2|{US}|11={name}" for name in ids), ORDERS[1])))
    kept = [frame.text.split("\x0111=")[1].split("\x01")[0] for frame in found]
    assert kept[:-1] == ["7", "abc", "0000", "0001", "0000", "0" * 40, "0" * 6]


@pytest.mark.parametrize(
    ("prefix", "ns"),
    [
        ("2018/02/23 19:14:25.174454 ", 174454000),
        ("20180223-19:14:25.174454 : ", 174454000),
        ("20180223-19:14:25 : ", 0),
        ("2018-02-23T19:14:25.174454123Z ", 174454123),
        ("2018-02-23T19:14:25.1744541Z ", 174454100),
        ("2018-02-23 21:14:25,174+02:00 [main] INFO incoming - ", 174000000),
        ("<20180223-19:14:25.174, FIX.4.4:US->THEM, outgoing> (", 174000000),
        ("1519413265174454123 ", 174454123),
        ("[1519413265174454] ", 174454000),
        ("1519413265174 ", 174000000),
        ("1519413265.174454: ", 174454000),
        ("1519413265 IN ", 0),
        ("1519413265174454123 [thread 4] ", 174454123),
    ],
)
def test_local_times(tmp_path: Path, prefix: str, ns: int) -> None:
    content = b"".join(prefix.encode() + fix(message) + b"\n" for message in (*LOGON, *ORDERS))
    ((*found,),) = frames(converted(tmp_path, content))
    assert {frame.ts_ns for frame in found} == {START_NS + ns}


@pytest.mark.parametrize("behind", ["", ")", " took 3 us", "\r"])
@pytest.mark.parametrize("separator", ["\x01", "|", "^A"])
def test_separators(tmp_path: Path, separator: str, behind: str) -> None:
    text = fix(f"35=8|34=2|{THEM}|11=a|58=one")
    lines = [b"2018-02-23 19:14:25 " + line.replace(b"\x01", separator.encode()) for line in (text, text)]
    ((*found,),) = frames(converted(tmp_path, b"".join(line + behind.encode() + b"\n" for line in lines)))
    assert [len(frame.text) for frame in found] == [len(text)] * 2


@pytest.mark.parametrize("separator", [b"\x01", b"|", b"^A"])
@pytest.mark.parametrize("value", [b"a|b", b"a^Ab", b"a=b|c"])
def test_separators_that_stand_for_themselves(tmp_path: Path, separator: bytes, value: bytes) -> None:
    text = framed(f"35=8|{THEM}|".encode().replace(b"|", b"\x01") + b"58=" + value + b"\x01")
    line = b"2018-02-23 19:14:25 " + text.replace(b"\x01", separator) + b"\n"
    assert converted(tmp_path, line).received == 1


def test_the_last_separator_may_be_missing(tmp_path: Path) -> None:
    text = fix(ORDERS[1])
    ((frame,),) = frames(converted(tmp_path, b"2018-02-23 19:14:25 " + text[:-1] + b"\n"))
    assert len(frame.text) == len(text)


@pytest.mark.parametrize(
    ("data", "n_lines"), [(b"a\x01b=", 1), (b"a\n\nb\x01c\n", 4), (b"a\n" * 500, 501), (fix(ORDERS[1]) + b"\n\n", 3)]
)
def test_data_may_hold_separators_line_feeds_and_messages(tmp_path: Path, data: bytes, n_lines: int) -> None:
    body = b"35=A\x01" + US.encode().replace(b"|", b"\x01") + b"\x0195=%d\x0196=%b\x01" % (len(data), data)
    conversion = converted(tmp_path, log(b"2018-02-23 19:14:25 " + framed(body) + b"\n", *ORDERS))
    assert (conversion.sent, conversion.received, conversion.further_lines) == (2, 1, n_lines - 1)
    assert conversion.skipped == {}
    assert len(frames(conversion)[0][0].text) == len(framed(body))


def test_separators_in_data_may_be_printed_too(tmp_path: Path) -> None:
    body = b"35=A\x01" + US.encode().replace(b"|", b"\x01") + b"\x0195=8\x0196=a\x0135=0\x01b\x01"
    line = b"2018-02-23 19:14:25 " + framed(body).replace(b"\x01", b"|") + b"\n"
    assert converted(tmp_path, log(line, *ORDERS)).sent == 2


def test_other_lines_are_counted_by_what_they_are(tmp_path: Path) -> None:
    good = fix(ORDERS[0])
    stamp = b"2018-02-23 19:14:25 "
    conversion = converted(
        tmp_path,
        log(
            b"1519413265174 engine 1.2 starts\n",
            b"\n",
            b"2018-02-23 19:14:25 session is up\n",
            *ORDERS,
            stamp + good[:-2] + bytes([good[-2] ^ 1]) + b"\x01\n",  # another checksum
            stamp + good.replace(b"first", b"other-first") + b"\n",  # another length
            stamp + good[:30] + b"\n",
            b"2018-02-23 19:14:26 goes on\n",
            stamp + good.replace(b"9=", b"9=x") + b"\n",
            stamp + good + stamp + good + b"\n",  # would be lost
            good + b"\n",
            stamp + fix("35=D|34=2|49=US|11=x") + b"\n",
            stamp + fix("35=D|34=2|49=US|56=US|11=x") + b"\n",
            stamp + good[:40],
        ),
    )
    assert (conversion.sent, conversion.received) == (1, 1)
    assert conversion.skipped == {
        **{"no FIX message": 3, "blank": 1, "garbled FIX message": 5, "FIX message without a local time": 1},
        **{"FIX message without two CompIDs": 2, "cut off": 1},
    }


def test_a_log_whose_gzip_stream_is_cut(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    content = log(*ORDERS * 100, *(f"35=8|{THEM}|58={rng.integers(10**9)}" for _ in range(500)))
    path = tmp_path / "session.log.gz"
    path.write_bytes(gzip.compress(content)[:-2000])
    conversion = convert(path, tmp_path / "out")
    assert 200 < conversion.received + conversion.sent < 700
    assert conversion.skipped == {"cut off": 1}


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ((*LOGON, f"35=0|{US}"), ["srs"]),
        ((f"35=0|{THEM}", f"35=0|{US}", *ORDERS), ["rssr"]),
        ((f"35=0|{US}", f"35=8|{THEM}"), ["sr"]),
        ((LOGON[1], *ORDERS), ["rsr"]),  # the end of a session, or a venue that logs on: orders tell more
    ],
)
def test_the_side_that_sends_orders_or_logs_on_is_ours(
    tmp_path: Path, messages: tuple[str, ...], expected: list[str]
) -> None:
    assert directions(converted(tmp_path, log(*messages))) == expected


@pytest.mark.parametrize(
    ("mark", "is_received"),
    [
        *((mark, True) for mark in ("IN  ", "<- ", "[main] INFO q.incoming - ", "<< ", "Received: ", "recv: ", "rx ")),
        *((mark, False) for mark in ("OUT: ", "-> ", "[main] outgoing - A->B: ", ">> ", "sent message ", "tx ")),
    ],
)
def test_marks_tell_where_nobody_orders(tmp_path: Path, mark: str, is_received: bool) -> None:
    line = b"2018-02-23 19:14:25 " + mark.encode() + fix(f"35=0|{THEM}") + b"\n"
    other = b"2018-02-23 19:14:25 " + fix(f"35=0|{US}") + b"\n"
    assert directions(converted(tmp_path, line + other)) == ["rs" if is_received else "sr"]


def test_a_comp_id_tells_where_nothing_else_does(tmp_path: Path) -> None:
    content = log(f"35=0|{THEM}", f"35=0|{US}", f"35=0|{THEM}")
    with pytest.raises(ConfigError, match=r"between THEM and US, found none in .*: name ours by --sender-comp-id"):
        converted(tmp_path, content)
    assert directions(converted(tmp_path, content, our_comp_id="US")) == ["rsr"]
    with pytest.raises(ConfigError, match=r"from or to ME, found those of THEM, US in .*: correct --sender-comp-id"):
        converted(tmp_path, content, our_comp_id="ME", name="other.log")
    assert directions(converted(tmp_path, log(*ORDERS), our_comp_id="THEM", name="venue.log")) == ["rs"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["session.log.jsonl.gz", "venue.log.jsonl.gz"]


def test_each_logon_begins_a_connection(tmp_path: Path) -> None:
    conversion = converted(
        tmp_path, log(*ORDERS, *LOGON, *ORDERS, f"35=5|{US}", f"35=5|{THEM}", LOGON[0], *LOGON, *ORDERS, LOGON[0])
    )
    assert directions(conversion) == ["sr", "srsrsr", "srsr"]
    assert [path.name for path in conversion.captures] == [f"session.log{end}.jsonl.gz" for end in ("", "-2", "-3")]
    assert conversion.skipped == {"Logon without an answer": 2}


def test_sessions_of_other_comp_ids_are_apart(tmp_path: Path) -> None:
    others = [message.replace("THEM", "THIRD") for message in (*LOGON, *ORDERS)]
    mixed = [message for pair in zip((*LOGON, *ORDERS), others, strict=True) for message in pair]
    conversion = converted(tmp_path, log(*mixed))
    assert directions(conversion) == ["srsr", "srsr"]
    assert [frame.ts_ns - START_NS for frame in frames(conversion)[1]] == [10**6 * n for n in (1, 3, 5, 7)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (log(LOGON[0], LOGON[0]), r"found 0 sent and 2 Logon without an answer in"),
        (log(ORDERS[0]), r"found 1 sent and nothing in"),
        (fix(ORDERS[1]) + b"\n", r"found 0 sent and 1 FIX message without a local time in"),
        (log(ORDERS[1]).replace(b"150=0", b"150=1"), r"found 0 sent and 1 garbled FIX message in"),
    ],
)
def test_a_log_without_anything_received_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        converted(tmp_path, content)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("line", [b"1519413265174 8=FIX.4.4;9=5;35=0;10=163;\n", b"1519413265.174: 8=FIX.4.4\n"])
def test_fix_of_another_form_is_never_taken_for_another_format(tmp_path: Path, line: bytes) -> None:
    with pytest.raises(SchemaError, match=r"^Expected FIX messages .*, found other ones in line 2 of"):
        converted(tmp_path, b"1519413265174 {}\n" + line)


def test_what_is_held_back_has_a_bound(tmp_path: Path) -> None:
    heartbeats = (f"35=0|{US}", f"35=0|{THEM}") * 5_000
    lines = [b"2018-02-23 19:14:25 " + fix(message) + b"\n" for message in (*LOGON, *heartbeats, LOGON[1], ORDERS[1])]
    (way,) = directions(converted(tmp_path, b"".join(lines)))
    assert way == "sr" * 5_001 + "rr"


def test_a_line_of_great_length(tmp_path: Path) -> None:
    long = b"2018-02-23 19:14:25 " + framed(b"35=D\x0149=US\x0156=THEM\x0158=" + b"x" * 3_000_000 + b"\x01") + b"\n"
    conversion = converted(tmp_path, log(b"x" * 10_000_000 + b"\n", long, *ORDERS))
    assert conversion.skipped == {"no FIX message": 1, "garbled FIX message": 1}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 10_000), st.integers(0, 40), st.binary(max_size=12) | st.just(b"\n") | st.just(b"|")),
        max_size=5,
    ),
    cut=st.integers(0, 60),
)
def test_mutated_logs_lose_no_line(tmp_path: Path, changes: list[tuple[int, int, bytes]], cut: int) -> None:
    content = log(*LOGON, f"35=0|{US}", *ORDERS * 3, b"noise\n", f"35=A|{US}|95=5|96=ab=cd|554=x", LOGON[1], *ORDERS)
    for position, n_bytes, put in changes:
        position %= len(content)
        content = content[:position] + put + content[position + n_bytes :]
    content = content[: len(content) - cut]
    for path in (tmp_path / "out").glob("*"):
        path.unlink()
    try:
        conversion = converted(tmp_path, content)
    except PipelineError:
        return
    assert sum(way.count("r") for way in directions(conversion)) == conversion.received
    assert sum(way.count("s") for way in directions(conversion)) == conversion.sent


@pytest.mark.skipif(not RECORDED.is_file(), reason=f"no order logs at {ORDER_LOGS} (FINGERPRINT_ORDER_LOGS)")
def test_a_recorded_session(tmp_path: Path) -> None:
    conversion = convert(RECORDED, tmp_path)
    assert (conversion.lines, conversion.received, conversion.sent, conversion.skipped) == (2486, 1243, 1243, {})
    session = read_capture(conversion.captures[0])
    assert Counter(session.msg_type.tolist()) == {
        MsgType.NEW: 602 + 602 + 1,  # and the Logon
        MsgType.ACK: 1204 + 1,
        MsgType.HEARTBEAT: 74,
        MsgType.OTHER: 2,  # resend request and gap fill
    }
    assert sorted(session.seq[session.seq != MISSING].tolist()) == [*range(1, 1244)]
    asked: dict[int, int] = {}
    latencies_ns = []
    for time_ns, kind, name in zip(session.recv_ts_ns, session.msg_type, session.request_id, strict=True):
        if name == MISSING:
            continue
        if kind == MsgType.NEW:
            asked[int(name)] = int(time_ns)
        else:
            latencies_ns.append(int(time_ns) - asked.pop(int(name)))
    assert not asked
    assert sorted(latencies_ns) == _naive_latencies_ns()
    assert [round(np.quantile(latencies_ns, part) / 10**6) for part in (0, 0.5, 1)] == [32, 48, 276]


def _naive_latencies_ns() -> list[int]:
    """Pair reports with requests by ClOrdID, by splitting the text alone."""
    asked: dict[str, datetime] = {}
    found = []
    for line in gzip.decompress(RECORDED.read_bytes()).decode().splitlines():
        when = datetime.strptime(line[:26], "%Y/%m/%d %H:%M:%S.%f").replace(tzinfo=UTC)
        fields = dict(part.split("=", 1) for part in reversed(line[27:].split("\x01")) if part)
        if fields["35"] in ("D", "F"):
            asked[fields["11"]] = when
        elif fields["35"] == "8":
            waited = when - asked.pop(fields["11"])
            found.append((waited.seconds * 10**6 + waited.microseconds) * 10**3)
    return sorted(found)


def test_a_model_can_learn_from_it(tmp_path: Path) -> None:
    conversion = converted(tmp_path, log(*LOGON, *ORDERS * 100))
    with (tmp_path / "out" / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "label"), (conversion.captures[0].name, "somewhere")])
    ((source, session),) = read_labelled_captures(tmp_path / "out", lambda _: None)
    assert (source.label, source.real, len(session)) == ("somewhere", True, 202)
