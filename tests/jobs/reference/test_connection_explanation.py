"""A verdict's sentences say what anybody counts in the recording, and compare what they should."""

from __future__ import annotations

from math import log
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from fingerprint_testing.paths import EXAMPLES
from ingest.frame import Frame
from ingest.recordings.capture import read_capture, to_line
from jobs.reference.connection_explanation import LastWindows, explain_connection
from jobs.reference.scored_captures import ScoredCapture, score_capture
from model.artifact.artifact_folder import BoosterPredictor, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from udfs.explanations import median_window
from udfs.features import FEATURES, compute_features
from udfs.phrases import describe
from udfs.schema import MISSING, MsgType, Session
from udfs.windows import session_windows

NAMES = [feature.name for feature in FEATURES]
MS_NS = 10**6
START_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def predictor() -> BoosterPredictor:
    return load_predictor(DEFAULT_ARTIFACT)


def sentence(path: Path, feature: str) -> str:
    values = median_window(compute_features(session_windows(read_capture(path))))
    return describe(feature, float(values[NAMES.index(feature)]), [])


def test_sentences_of_a_recording_counted_by_hand(tmp_path: Path) -> None:
    # One window: 50 frames, one each 100 ms. u goes up by 3 and by 1 in turn, so 25 of 49 steps skip.
    updates = [10 + 2 * i + i % 2 for i in range(50)]
    assert updates[:5] == [10, 13, 14, 17, 18]
    frames = [
        Frame((START_MS + 100 * i) * MS_NS, "recv", f'{{"e":"depthUpdate","E":{START_MS + 100 * i},"s":"A","u":{u}}}')
        for i, u in enumerate(updates)
    ]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(map(to_line, frames)))
    # 18 + 18 + 8 + 8 characters: {"e":"depthUpdate" ,"E":1700000000000 ,"s":"A" ,"u":10} and one more from 100 on.
    assert [sum(u < 100 for u in updates), len(frames[0].text)] == [45, 52]
    assert {name: sentence(path, name) for name in SAID} == SAID


SAID = {
    "seq_jump_share": "sequence numbers skip in 51% of the steps",
    "seq_backward_share": "sequence numbers never repeat or go back",
    "seq_share": "100% of the messages carry a sequence number",
    "seq_continued_share": "sequence numbers in ascending order go up by exactly one in 49% of the steps",
    "venue_time_whole_ms_share": "100% of the venue's timestamps are whole milliseconds",
    "venue_time_whole_s_share": "10% of the venue's timestamps are whole seconds",
    "inter_arrival_log10_median_us": "the median gap between messages is 100 ms",
    "inter_arrival_cv": "the standard deviation of the gaps is 0 times their mean",
    "arrival_tick_alignment_100ms": "messages arrive on a 100 ms grid (alignment 1.00 of 1)",
    "type_heartbeat_share": "no message is a heartbeat",
    "payload_log10_p50_bytes": "the median of the message sizes is 52 bytes",
    "payload_mode_share": "90% of the messages have the most frequent size",
    "request_ack_share": "no request is sent",
}


def steps(numbers: list[int]) -> list[int]:
    return [b - a for a, b in zip(numbers, numbers[1:], strict=False)]


def counted(window: dict[str, list[int]], feature: str) -> float | None:
    """Count in one window, by a loop, what a share says; None for a feature that is not counted here."""
    seqs = [seq for seq in window["seq"] if seq != MISSING]
    times = [time for time in window["exchange_ts_ns"] if time != MISSING]
    shares = {
        "seq_share": (len(seqs), 50),
        "seq_jump_share": (sum(step > 1 for step in steps(seqs)), len(seqs) - 1),
        "seq_continued_share": (sum(step == 1 for step in steps(sorted(seqs))), len(seqs) - 1),
        "venue_time_share": (len(times), 50),
        "venue_time_whole_ms_share": (sum(time % MS_NS == 0 for time in times), len(times)),
        "venue_time_whole_us_share": (sum(time % 1000 == 0 for time in times), len(times)),
        "type_heartbeat_share": (window["msg_type"].count(MsgType.HEARTBEAT), 50),
        "type_ack_share": (window["msg_type"].count(MsgType.ACK), 50),
    }
    if feature not in shares or shares[feature][1] <= 0:
        return None
    return shares[feature][0] / shares[feature][1]


def naive_value(session: Session, last: LastWindows, feature: str) -> float | None:
    values = []
    for first in range(last.first_offset, last.last_offset - 48, 25):
        names = ("seq", "exchange_ts_ns", "msg_type")
        window = {name: getattr(session, name)[first : first + 50].tolist() for name in names}
        values.append(counted(window, feature))
    defined = [value for value in values if value is not None]
    return median(defined) if 2 * len(defined) >= len(values) and defined else None


def test_reasons_of_the_examples_say_what_a_loop_counts(predictor: BoosterPredictor) -> None:
    checked = set()
    for path in sorted(EXAMPLES.glob("*.jsonl.gz")):
        scored, session = score_capture([path], predictor), read_capture(path)
        for contrast in explain_connection(scored.standing(), scored.last_windows, predictor).contrasts:
            for reason in contrast.explanation["reasons"]:
                expected = naive_value(session, scored.last_windows, reason["feature"])
                if expected is not None:
                    assert reason["value"] == pytest.approx(expected, abs=1e-6), (path.name, reason)
                    checked.add(reason["feature"])
    assert len(checked) >= 5


def scored_example(name: str, predictor: BoosterPredictor, declared: str | None = None) -> ScoredCapture:
    return score_capture([EXAMPLES / f"{name}.jsonl.gz"], predictor, declared_exchange=declared)


@pytest.mark.parametrize(
    ("name", "declared", "expected"),
    [
        ("kraken-2", "kraken", [("declared", "kraken"), ("runner-up", "unknown")]),
        ("kraken-1", "kraken", [("runner-up", "unknown"), ("nearest known", "binance")]),
        ("kraken-1", "nobody", [("runner-up", "unknown"), ("nearest known", "binance")]),
        ("venue-1", None, [("runner-up", "kraken")]),
    ],
)
def test_a_verdict_is_told_from_what_is_declared_and_what_comes_next(
    name: str, declared: str | None, expected: list[tuple[str, str]], predictor: BoosterPredictor
) -> None:
    scored = scored_example(name, predictor, declared)
    explained = explain_connection(scored.standing(), scored.last_windows, predictor)
    contrasts = [(contrast.kind, contrast.against) for contrast in explained.contrasts]
    assert contrasts == expected
    # Who comes next is who has the largest product of probabilities, none below 0.001.
    sums = dict.fromkeys(predictor.classes, 0.0)
    for window in scored.window_summaries()[-16:]:
        for one, probability in window["probabilities"].items():
            sums[one] += log(max(probability, 0.001))
    others = sorted((one for one in sums if one != scored.verdict.exchange), key=lambda one: -sums[one])
    assert dict(contrasts)["runner-up"] == others[0]


def test_a_verdict_that_replaced_another_is_explained_by_windows_of_its_own(predictor: BoosterPredictor) -> None:
    scored = scored_example("kraken-3", predictor)
    standing = scored.standing()
    assert (standing.verdict, standing.previous_verdict) == ("binance", "kraken")
    # It is another from message 600 on; 16 windows of 50 every 25 are the last 425 of 1,800 messages.
    assert (scored.last_windows.first_offset, scored.last_windows.last_offset) == (1375, 1799)


def test_windows_before_a_verdict_began_do_not_explain_it() -> None:
    rows = np.arange(20.0)[:, np.newaxis]
    offsets = np.stack([np.arange(20) * 25, np.arange(20) * 25 + 49], axis=1)
    chosen = LastWindows.chosen(rows, rows, offsets, since=17)
    assert chosen.features[:, 0].tolist() == [17.0, 18.0, 19.0]
    assert (chosen.first_offset, chosen.last_offset) == (425, 524)
    # At most 16, also if it is older or undecided.
    assert LastWindows.chosen(rows, rows, offsets, since=None).features[:, 0].tolist() == [
        float(i) for i in range(4, 20)
    ]


def test_gaps_are_quantiles_of_the_windows_medians(predictor: BoosterPredictor) -> None:
    scored = scored_example("kraken-2", predictor)
    times_ns = read_capture(EXAMPLES / "kraken-2.jsonl.gz").recv_ts_ns
    medians = sorted(np.median(np.diff(times_ns[first : first + 50])) / MS_NS for first in range(775, 1151, 25))
    assert len(medians) == 16
    found = explain_connection(scored.standing(), scored.last_windows, predictor).median_gap_ms
    # The least value with at least 10%, 50% and 90% of 16 at or below it: the 2nd, the 8th and the 15th.
    assert found[""] == pytest.approx([medians[1], medians[7], medians[14]], rel=1e-4)


def test_too_short_a_recording_is_explained_as_such(tmp_path: Path, predictor: BoosterPredictor) -> None:
    path = tmp_path / "few.jsonl"
    path.write_bytes(b"".join(to_line(Frame(10**18 + i, "recv", "{}")) for i in range(49)))
    scored = score_capture([path], predictor, declared_exchange="kraken")
    explained = explain_connection(scored.standing(), scored.last_windows, predictor)
    assert (explained.windows, explained.contrasts, explained.first_offset) == (0, [], -1)
