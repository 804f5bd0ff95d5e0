"""A catalogue in small: which families become classes, which are put back, and figures of both models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from fingerprint_testing.recordings_in_small import make_dataset, make_source, write_capture
from jobs.cli.main import build_app
from model.artifact.artifact_folder import load_manifest, load_predictor
from model.enrolment import catalogue_choice
from model.enrolment.before_after import Named
from model.enrolment.catalogue_choice import Days, candidates_of, days_of, name_families
from model.enrolment.catalogue_figures import Tally, tally, tally_classes, tally_families
from model.enrolment.cataloguing import FIGURES_NAME
from model.enrolment.enrolling import enrol
from model.training.dataset import Source
from synthetic.open_world.unknown_venues import draw_unknown_profile
from synthetic.profiles import profile
from udfs.current_verdict import CERTAIN
from udfs.errors import ConfigError, SchemaError


def on_days(family: str, days: str) -> list[Source]:
    return [make_source(f"{family} {i}", "unknown", family=family, day=day) for i, day in enumerate(days)]


def test_a_family_of_three_days_is_a_candidate() -> None:
    recordings = make_dataset(
        *on_days("TWO", "1122"),
        *on_days("THREE", "123"),
        *on_days("SHORT", "123"),
        *on_days("Kraken", "123"),
        *(make_source(f"binance {day}", "binance", day=day) for day in "123"),
        replace(make_source("elsewhere", "unknown", family="TWO"), group="another-recorder 1"),
        empty=("SHORT 2",),
    )
    assert candidates_of(recordings) == ("three",)


def test_a_family_that_cannot_be_a_class_is_refused() -> None:
    with pytest.raises(ConfigError, match="Expected a name of small letters.*found 'gate io'"):
        candidates_of(make_dataset(*on_days("GATE IO", "123")))


def test_only_recordings_of_the_classes_are_labelled_anew() -> None:
    named = name_families(
        make_dataset(*on_days("OKX", "1"), *on_days("ODD", "1"), make_source("b", "binance")), ["okx"]
    )
    assert [(s.label, s.family) for s in named.sources] == [("okx", "okx"), ("unknown", "ODD"), ("binance", "binance")]


def named(source: Source, verdict: str, certainty: str = CERTAIN) -> Named:
    return Named(source=source, windows={}, verdict=verdict, certainty=certainty)


def called(label: str, days: str, verdicts: Sequence[str]) -> list[Named]:
    return [
        named(make_source(f"{label} {i}", label, day=day), verdict)
        for i, (day, verdict) in enumerate(zip(days, verdicts, strict=True))
    ]


@pytest.mark.parametrize(
    ("days", "verdicts", "right", "is_named"),
    [
        ("123", ["a", "a", "unknown"], 2, True),
        ("123", ["a", "b", "unknown"], 1, False),
        ("1234", ["a", "a", "b", "b"], 2, False),  # half is not most
        ("1112", ["a", "b", "b", "a"], 1, False),  # three connections of one day count as one day
        ("1123", ["a", "unknown", "a", "a"], 2, True),  # half of a day's connections is not most of them
        ("", [], 0, False),  # none could be left out
    ],
)
def test_a_class_is_kept_that_is_named_right_on_most_of_its_days(
    days: str, verdicts: list[str], right: int, is_named: bool
) -> None:
    found = days_of([*called("a", days, verdicts), *called("b", "12", ["a", "a"])], "a")
    assert found == Days(left_out=len(set(days)), right=right)
    assert found.is_named is is_named


def test_a_tally_of_a_case_counted_by_hand() -> None:
    names = [
        *called("a", "1123", ["a", "b", "unknown", "a"]),
        named(make_source("a 9", "a", day="9"), "b", "likely"),
    ]
    expected = Tally(connections=5, days=4, called={"a": 2, "b": 2, "unknown": 1}, certain_of_wrong_name=1)
    assert tally(names, "a") == expected
    strange = named(make_source("s", "unknown", family="ODD"), "b")
    assert tally_classes([*names, strange]) == {"a": expected}
    refused = Tally(connections=1, days=1, called={"b": 1}, certain_of_wrong_name=1)
    assert tally_families([strange]) == {"odd": refused}


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record one venue on four days, one on three, one on two, and Kraken."""
    folder = tmp_path_factory.mktemp("captures")
    toy, dud, odd = (draw_unknown_profile(np.random.default_rng(seed)) for seed in (7, 2, 5))
    recorded = [
        ("kraken", profile("kraken-v2-market"), (1, 2)),
        ("TOY", toy, (1, 2, 3, 4)),
        ("DUD", dud, (5, 6, 7)),
        ("ODD", odd, (1, 2)),
    ]
    rows = ["file,label,family"]
    for family, behaviour, days in recorded:
        for day in days:
            write_capture(folder / f"{family}__{day}.jsonl.gz", behaviour, day)
            rows.append(f"{family}__{day}.jsonl.gz,{'kraken' if family == 'kraken' else 'unknown'},{family}")
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    return folder


AMOUNTS = ["--per-exchange", "9", "--unknown-venues", "4", "--messages", "200", "--seed", "1"]


@pytest.fixture(scope="module")
def trained(captures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Train a catalogue, with one family as if it were never named right; return its folder and what was printed."""

    def days_but_for_dud(names: Sequence[Named], name: str) -> Days:
        found = days_of(names, name)
        return replace(found, right=0) if name == "dud" else found

    folder = tmp_path_factory.mktemp("trained") / "model"
    arguments = ["train", "--catalogue", "--out", str(folder), "--captures", str(captures), *AMOUNTS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue_choice, "days_of", days_but_for_dud)
        result = CliRunner().invoke(build_app(), arguments, catch_exceptions=False, env={"COLUMNS": "200"})
    assert result.exit_code == 0
    return folder, result.stdout


def test_the_catalogue_names_what_is_named_right_and_no_more(trained: tuple[Path, str]) -> None:
    manifest = load_manifest(trained[0])
    assert manifest.classes == ["binance", "coinbase", "kraken", "toy", "unknown"]
    assert manifest.training["trees"] == 150 * 5
    assert manifest.training["catalogue"] == ["toy"]
    assert "+catalogue-" in manifest.model_version


def test_the_figures_are_of_both_models_and_of_all_that_was_tried(trained: tuple[Path, str]) -> None:
    folder, printed = trained
    figures = json.loads((folder / FIGURES_NAME).read_bytes())
    assert figures["model_version"] == load_manifest(folder).model_version
    assert [list(tried) for tried in figures["rounds"]] == [["dud", "toy"], ["toy"]]
    assert figures["rounds"][0]["dud"] == {"left_out": 3, "right": 0}
    assert figures["rounds"][1]["toy"]["left_out"] == 4
    assert {name: of["connections"] for name, of in figures["named_before"].items()} == {"kraken": 2}
    assert {name: of["connections"] for name, of in figures["named_after"].items()} == {"kraken": 2, "toy": 4}
    connections = {"dud": 3, "odd": 2, "toy": 4}
    for part in ("refused_before", "refused_after"):
        assert {family: of["connections"] for family, of in figures[part].items()} == connections
    # What never heard of it cannot name it.
    assert "toy" not in figures["refused_after"]["toy"]["called"]
    assert figures["fresh_before"].keys() == figures["fresh_after"].keys()
    assert "Of all 2 families tried, before any was put back" in printed
    assert "dud stays unknown: named right on 0 of 3 days left out." in printed
    assert str(folder / FIGURES_NAME) in printed


def test_a_catalogue_can_be_enrolled_on(trained: tuple[Path, str], captures: Path, tmp_path: Path) -> None:
    new = [
        write_capture(tmp_path / f"new_{day}.jsonl.gz", draw_unknown_profile(np.random.default_rng(9)), day)
        for day in (8, 9)
    ]
    enrol(
        tmp_path / "model",
        name="new",
        recordings=[(path,) for path in new],
        captures=captures,
        base=trained[0],
        progress=lambda _: None,
    )
    assert load_predictor(tmp_path / "model").classes == ("binance", "coinbase", "kraken", "toy", "new", "unknown")


def test_without_recordings_there_is_nothing_to_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Expected --captures with --catalogue, found none"):
        CliRunner().invoke(build_app(), ["train", "--catalogue", "--out", str(tmp_path)], catch_exceptions=False)


def test_without_enough_days_there_is_nothing_to_name(captures: Path, tmp_path: Path) -> None:
    rows = (captures / "index.csv").read_text().splitlines()
    folder = tmp_path / "captures"
    folder.mkdir()
    for path in captures.glob("*.gz"):
        (folder / path.name).symlink_to(path)
    kept = [rows[0], *(row for row in rows if row.endswith(("kraken", "ODD")))]
    (folder / "index.csv").write_text("\n".join(kept) + "\n")
    arguments = ["train", "--catalogue", "--out", str(tmp_path / "model"), "--captures", str(folder), *AMOUNTS]
    with pytest.raises(SchemaError, match="found none with as many days"):
        CliRunner().invoke(build_app(), arguments, catch_exceptions=False)
