"""Enrolling a venue in small: who trains what, who is set aside, what is refused, and figures of both models."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from fingerprint_testing.recordings_in_small import make_dataset, make_source, write_capture
from ingest.recordings.capture import read_capture
from jobs.cli.model.enrol import enrol as enrol_command
from jobs.reference.scored_captures import score_capture
from model.artifact.artifact_folder import explainer_of, load_manifest, load_predictor
from model.artifact.trained_artifact import train
from model.enrolment.baseline import FROM_MANIFEST, FROM_TRAINING
from model.enrolment.before_after import MOST_LOSS, losses
from model.enrolment.enrolling import ENROLMENT_NAME, Enrolment, enrol
from model.enrolment.recording_selection import check_name, gather
from model.training.calibration import fit_scaling
from model.training.calibrator import fit_refusal
from model.training.cross_fitting import Division, divisions_of, extend_divisions, left_out_whole, make_folds
from model.training.dataset import Dataset, Source
from model.training.training_run import ON_FRESH, ON_RECORDINGS, RELEASE, Amounts
from synthetic.open_world.unknown_venues import draw_unknown_profile
from synthetic.profiles import profile
from udfs.errors import ConfigError, SchemaError
from udfs.history import History
from udfs.rows import decision_rows, explanations
from udfs.scoring import score_windows
from udfs.signatures import traits
from udfs.verdicts import HISTORY, evidence_millinats
from udfs.windows import session_windows

AMOUNTS = Amounts(per_exchange=9, n_unknown_venues=4, n_messages=200)
BASE_CLASSES = ("binance", "coinbase", "kraken", "unknown")


def names(dataset: Dataset) -> list[str]:
    return [source.name for source in dataset.sources]


LABELLED = make_dataset(
    make_source("binance/b1", "binance"),
    make_source("unknown/TOY__1", "unknown", family="TOY", sha256="t1"),
    make_source("unknown/TOY__2", "unknown", family="TOY", day="2"),
    make_source("unknown/ODD__1", "unknown", family="ODD"),
    make_source("unknown/TWIN__1", "unknown", family="TWIN"),
)


def test_the_venues_family_trains_unknown_no_more() -> None:
    given = make_dataset(make_source("toy/TOY__1", "toy", sha256="t1"))
    gathered = gather("toy", given, LABELLED, BASE_CLASSES)
    assert names(gathered.base) == names(LABELLED)
    assert names(gathered.own) == ["toy/TOY__1"]
    assert names(gathered.recordings) == ["binance/b1", "unknown/ODD__1", "unknown/TWIN__1", "toy/TOY__1"]
    assert [source.name for source in gathered.set_aside] == ["unknown/TOY__1", "unknown/TOY__2"]


def test_a_family_is_known_by_the_venue_the_file_and_the_recording_itself() -> None:
    by_name = gather("twin_us", make_dataset(make_source("x", "twin_us")), LABELLED, BASE_CLASSES)
    assert [source.name for source in by_name.set_aside] == ["unknown/TWIN__1"]
    by_file = gather("new", make_dataset(make_source("new/ODD__9", "new")), LABELLED, BASE_CLASSES)
    assert [source.name for source in by_file.set_aside] == ["unknown/ODD__1"]
    by_bytes = gather("new", make_dataset(make_source("new/x", "new", sha256="t1")), LABELLED, BASE_CLASSES)
    assert [source.name for source in by_bytes.set_aside] == ["unknown/TOY__1", "unknown/TOY__2"]


def test_recordings_of_the_venue_in_the_index_are_its_own_and_none_counts_twice() -> None:
    labelled = make_dataset(*LABELLED.sources, make_source("toy/a", "toy", sha256="a"))
    given = make_dataset(
        make_source("toy/a", "toy", sha256="a"),
        make_source("toy/b", "toy"),
        make_source("toy/c", "toy", sha256="sha of toy/b"),
    )
    gathered = gather("toy", given, labelled, BASE_CLASSES)
    assert names(gathered.own) == ["toy/b", "toy/a"]
    assert "toy/a" not in names(gathered.base)


def test_a_venue_that_was_enrolled_before_stays_out_of_unknown() -> None:
    labelled = make_dataset(*LABELLED.sources, make_source("toy/ODD__7", "toy"))
    given = make_dataset(make_source("next/1", "next"))
    gathered = gather("next", given, labelled, ("binance", "toy", "unknown"))
    assert names(gathered.base) == ["binance/b1", "unknown/TWIN__1", "toy/ODD__7"]
    assert names(gathered.recordings) == [*names(gathered.base), "next/1"]


def test_what_the_base_names_gets_more_recordings() -> None:
    given = make_dataset(make_source("binance/b1", "binance"), make_source("binance/b2", "binance"))
    gathered = gather("binance", given, LABELLED, BASE_CLASSES)
    assert names(gathered.own) == ["binance/b2"]
    assert names(gathered.recordings) == [*names(LABELLED), "binance/b2"]


def test_a_recording_without_a_window_counts_for_nothing() -> None:
    given = make_dataset(make_source("toy/short", "toy"), make_source("toy/long", "toy"), empty=("toy/short",))
    gathered = gather("toy", given, LABELLED, BASE_CLASSES)
    assert names(gathered.own) == ["toy/long"]
    assert [source.name for source in gathered.too_short] == ["toy/short"]


@pytest.mark.parametrize(
    ("given", "base_classes", "sentence"),
    [
        ([make_source("x", "toy", sha256="sha of binance/b1")], BASE_CLASSES, "index.csv labels binance/b1.*'binance'"),
        ([make_source("x", "toy")], (*BASE_CLASSES, "gone"), "Expected recordings of gone, which the base model names"),
        ([], BASE_CLASSES, "found none: name others"),
        ([make_source("short", "toy")], BASE_CLASSES, "at least 50 messages, found 1, all shorter"),
        ([make_source("x", "toy"), make_source("x", "toy", sha256="2")], BASE_CLASSES, "found two named x: rename one"),
    ],
)
def test_recordings_that_cannot_be_are_refused(
    given: list[Source], base_classes: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(SchemaError, match=sentence):
        gather("toy", make_dataset(*given, empty=("short",)), LABELLED, base_classes)


@pytest.mark.parametrize("name", ["unknown", "", "Toy", "to y", "toy/1", "töy"])
def test_names_that_cannot_be_a_class_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="Expected a name of small letters"):
        check_name(name)


def test_the_days_of_a_venue_are_left_out_apart_and_the_others_as_before() -> None:
    before = make_dataset(
        make_source("b1", "binance", day="1"),
        make_source("b2", "binance", day="2"),
        make_source("s1", "unknown", day="1", family="A"),
        make_source("s2", "unknown", day="1", family="B"),
        make_source("s3", "unknown", day="1", family="C"),
    )
    divisions = divisions_of(before)
    assert divisions == [
        Division(groups=("r 1",), families=("A",)),
        Division(groups=("r 2",), families=("B",)),
        Division(groups=(), families=("C",)),
    ]
    after = make_dataset(
        *before.sources,
        *(make_source(f"t{day}", "toy", day=day) for day in "1345"),
        make_source("s4", "unknown", family="D"),
    )
    extended = extend_divisions(divisions, after)
    # Day 1 is where it was; 3 goes apart from it, to where least is; then 4; 5 has to share. D goes where least is.
    assert extended == [
        Division(groups=("r 1",), families=("A",)),
        Division(groups=("r 2", "r 4"), families=("B",)),
        Division(groups=("r 3",), families=("C",)),
        Division(groups=("r 5",), families=("D",)),
    ]
    assert np.sum([fold.tested for fold in make_folds(after, extended)], axis=0).tolist() == [1] * 10
    assert left_out_whole(after, extended) == []
    assert left_out_whole(after, [Division(groups=("r 1", "r 2"), families=())]) == ["binance"]


def test_a_fold_that_tests_nothing_is_left_away() -> None:
    dataset = make_dataset(make_source("b1", "binance"))
    divisions = [Division(groups=(), families=("GONE",)), Division(groups=("r 1",), families=())]
    assert len(make_folds(dataset, divisions)) == 1


def test_only_a_loss_of_more_than_the_stated_share_is_told() -> None:
    def outcomes(right: int) -> dict[str, dict[str, dict[str, int]]]:
        return {label: {"windows": {"right": right, "unknown": 0, "wrong": 100 - right}} for label in ("a", "unknown")}

    assert MOST_LOSS == 0.02
    assert losses(outcomes(90), outcomes(88)) == []
    assert losses(outcomes(90), outcomes(87)) == [
        "87.0% of a's windows are named right, 90.0% before",
        "87.0% of unknown venues' windows are refused, 90.0% before",
    ]


def test_thresholds_of_few_recordings_stay_between_those_of_the_others() -> None:
    scores = {"a": 0.3, "b": 0.6, "clean": 0.01, "lost": 0.99, "between": 0.5}
    drawn = [replace(make_source(name, name), real=False) for name in ("a", "b")]
    held_out = make_dataset(*drawn, *(make_source(name, name) for name in ("clean", "lost", "between")))
    classes = (*scores, "absent", "unknown")
    found = fit_refusal(held_out, np.array(list(scores.values())), np.ones(5), classes)
    expected = {"a": 0.3, "b": 0.6, "clean": 0.3, "lost": 0.6, "between": 0.5, "absent": 0.3}
    assert found == {name: [score] * 8 for name, score in expected.items()}


def test_a_class_that_is_not_held_out_leaves_the_calibration_of_the_others_alone() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, size=400)
    raw = rng.dirichlet([1, 1, 1], size=400)
    raw[np.arange(400), labels] += 1
    raw /= raw.sum(axis=1, keepdims=True)
    whole = fit_scaling(raw, labels, np.ones(400))
    parts = fit_scaling(raw[:, :2], labels, np.ones(400))
    assert (whole.slopes, whole.biases) == ((*parts.slopes, 1.0), (*parts.biases, 0.0))


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of a Kraken recording and two of an unknown venue, with its index."""
    folder = tmp_path_factory.mktemp("captures")
    odd = draw_unknown_profile(np.random.default_rng(5))
    write_capture(folder / "kraken/KRAKEN__1.jsonl.gz", profile("kraken-v2-market"), 1)
    write_capture(folder / "unknown/ODD__1.jsonl.gz", odd, 1)
    write_capture(folder / "unknown/ODD__2.jsonl.gz", odd, 2)
    rows = ["file,label", "kraken/KRAKEN__1.jsonl.gz,kraken", *(f"unknown/ODD__{i}.jsonl.gz,unknown" for i in (1, 2))]
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Record a venue on four days."""
    folder, toy = tmp_path_factory.mktemp("toys"), draw_unknown_profile(np.random.default_rng(7))
    return [write_capture(folder / f"TOY__{day}.jsonl.gz", toy, day) for day in (1, 2, 3, 4)]


def with_more(captures: Path, folder: Path, label: str, more: list[Path]) -> Path:
    """Copy the labelled recordings, and add some."""
    shutil.copytree(captures, folder)
    (folder / label).mkdir(exist_ok=True)
    with (folder / "index.csv").open("a") as index:
        for path in more:
            shutil.copy(path, folder / label)
            index.write(f"{label}/{path.name},{label}\n")
    return folder


@pytest.fixture(scope="module")
def base(captures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "model"
    train(folder, captures=captures, amounts=AMOUNTS, seed=1, progress=lambda _: None)
    return folder


def enrol_toy(out: Path, recordings: list[Path], captures: Path | None, base: Path, name: str = "toy") -> Enrolment:
    parts = [(path,) for path in recordings]
    return enrol(out, name=name, recordings=parts, captures=captures, base=base, progress=lambda _: None)


@pytest.fixture(scope="module")
def enrolled(
    toys: list[Path], captures: Path, base: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Enrolment]:
    out = tmp_path_factory.mktemp("enrolled") / "model"
    return out, enrol_toy(out, toys[:2], captures, base)


def totals(enrolment: Enrolment, on: str) -> list[dict[str, tuple[int, int]]]:
    """Count windows and connections of each true label, before and after."""
    return [
        {
            label: (sum(units["windows"].values()), sum(units["connections"].values()))
            for label, units in part[on].items()
        }
        for part in (enrolment.before, enrolment.after)
    ]


def test_both_models_are_measured_on_the_same_sessions(enrolled: tuple[Path, Enrolment]) -> None:
    _, enrolment = enrolled
    assert enrolment.before_from == FROM_MANIFEST
    # Half of 9 sessions of each exchange and of 4 unknown venues; 7 windows for 200 messages, 79 for ten times as many.
    drawn = dict.fromkeys(BASE_CLASSES, (2 * (7 + 79), 4)) | {"unknown": (7 + 79, 2)}
    assert totals(enrolment, ON_FRESH) == [drawn, drawn]
    recorded = {"kraken": (7, 1), "toy": (14, 2), "unknown": (14, 2)}
    assert totals(enrolment, ON_RECORDINGS) == [recorded, recorded]
    assert all(units["right"] == 0 for units in enrolment.before[ON_RECORDINGS]["toy"].values())
    assert [named.source.name for named in enrolment.left_out] == ["toy/TOY__1.jsonl.gz", "toy/TOY__2.jsonl.gz"]
    assert [named.source.group for named in enrolment.left_out] == ["cryptofeed 2020-09-14", "cryptofeed 2020-09-15"]
    assert enrolment.set_aside == []


def test_the_artifact_says_what_it_is(enrolled: tuple[Path, Enrolment], base: Path, toys: list[Path]) -> None:
    folder, enrolment = enrolled
    before, after = load_manifest(base), load_manifest(folder)
    assert after.classes == ["binance", "coinbase", "kraken", "toy", "unknown"]
    assert re.fullmatch(rf"{re.escape(RELEASE)}\+toy-[0-9a-f]{{8}}", after.model_version)
    assert after.training["base_model_version"] == before.model_version
    assert (before.training["trees"], after.training["trees"]) == (600, 750)
    assert after.training["synthetic_sha256"] == before.training["synthetic_sha256"]
    hashes = {f"toy/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in toys[:2]}
    assert after.training["captures"] == before.training["captures"] | hashes
    assert set(after.typical) == set(after.classes)
    written = json.loads((folder / ENROLMENT_NAME).read_bytes())
    assert written["warnings"] == enrolment.warnings
    assert written["model_version"] == after.model_version
    assert written["left_out"][0]["recording"] == "toy/TOY__1.jsonl.gz"


def test_known_sessions_keep_their_names_and_the_venue_gets_its_own(
    enrolled: tuple[Path, Enrolment], captures: Path, toys: list[Path]
) -> None:
    predictor = load_predictor(enrolled[0])
    said = {path.name: score_capture([path], predictor) for path in [captures / "kraken/KRAKEN__1.jsonl.gz", *toys]}
    for name, capture in said.items():
        label = name.split("__")[0].lower()
        probabilities = [window["probabilities"] for window in capture.window_summaries()]
        assert list(probabilities[0]) == [*BASE_CLASSES[:3], "toy", "unknown"]
        # The likeliest, not what it is called: of so few sessions the refusal thresholds are chance.
        assert {max(of_window, key=of_window.__getitem__) for of_window in probabilities} == {label}


def test_the_job_decides_on_five_classes_as_score_does(enrolled: tuple[Path, Enrolment], toys: list[Path]) -> None:
    predictor, explainer = load_predictor(enrolled[0]), explainer_of(load_predictor(enrolled[0]))
    windows = session_windows(read_capture(toys[2]))
    scores = score_windows(windows, predictor)
    n, before = len(windows), HISTORY - len(windows)
    history = History(
        n_windows=np.array([n]),
        window_start_ns=np.zeros((1, HISTORY), dtype=np.int64),
        first_offset=np.zeros((1, HISTORY), dtype=np.int64),
        evidence=np.pad(evidence_millinats(scores.probabilities), ((before, 0), (0, 0)))[None],
        traits=np.pad(traits(scores.features), ((before, 0), (0, 0)))[None],
    )
    (decided,) = decision_rows(history, predictor.classes, predictor.decision_rule).to_dict("records")
    verdict = score_capture([toys[2]], predictor).verdict
    assert (decided["decisive"] or decided["leaning"] or "unknown") == verdict.exchange
    (text,) = explanations(scores.features[:1], ["toy"], ["kraken"], predictor, explainer)
    assert json.loads(text)["against"] == "kraken"


def test_what_is_set_aside_makes_the_model_before_anew(
    toys: list[Path], captures: Path, base: Path, tmp_path: Path
) -> None:
    more = with_more(captures, tmp_path / "captures", "unknown", toys[2:3])
    enrolment = enrol_toy(tmp_path / "model", [*toys[:2], toys[2]], more, base)
    assert enrolment.before_from == FROM_TRAINING
    assert enrolment.set_aside == ["unknown/TOY__3.jsonl.gz"]
    recorded = {"kraken": (7, 1), "toy": (21, 3), "unknown": (14, 2)}
    assert totals(enrolment, ON_RECORDINGS) == [recorded, recorded]
    trained = load_manifest(tmp_path / "model").training["captures"]
    assert [name for name in trained if "TOY" in name] == [f"toy/TOY__{day}.jsonl.gz" for day in (1, 2, 3)]


def test_a_single_day_is_trained_on_and_not_measured(toys: list[Path], base: Path, tmp_path: Path) -> None:
    enrolment = enrol_toy(tmp_path / "model", toys[:1], None, base)
    assert enrolment.left_out == []
    assert "toy" not in enrolment.after[ON_RECORDINGS]
    assert any("All recordings of toy are of one day (2020-09-14)" in warning for warning in enrolment.warnings)
    assert any(warning.startswith(f"3 of the 3 recordings that {RELEASE}-") for warning in enrolment.warnings)
    manifest = load_manifest(tmp_path / "model")
    assert list(manifest.training["captures"]) == ["toy/TOY__1.jsonl.gz"]
    # Nothing to fit its calibration on; refused as strictly as the strictest of the others.
    assert (manifest.scaling["slopes"][3], manifest.scaling["biases"][3]) == (1.0, 0.0)
    assert manifest.refusal["toy"] == [
        min(column) for column in zip(*(manifest.refusal[c] for c in BASE_CLASSES[:3]), strict=True)
    ]


def test_a_second_venue_needs_the_recordings_of_the_first(
    enrolled: tuple[Path, Enrolment], toys: list[Path], captures: Path, tmp_path: Path
) -> None:
    folder, first = enrolled
    third = [
        write_capture(tmp_path / f"new_{day}.jsonl.gz", draw_unknown_profile(np.random.default_rng(2)), day)
        for day in (8, 9)
    ]
    with pytest.raises(SchemaError, match="Expected recordings of toy, which the base model names, in --captures"):
        enrol_toy(tmp_path / "none", third, captures, folder, "new")
    more = with_more(captures, tmp_path / "captures", "toy", toys[:2])
    second = enrol_toy(tmp_path / "model", third, more, folder, "new")
    assert second.before_from == FROM_MANIFEST
    assert load_manifest(tmp_path / "model").classes == ["binance", "coinbase", "kraken", "toy", "new", "unknown"]
    assert second.model_version.startswith(f"{RELEASE}+toy+new-")
    assert second.before[ON_RECORDINGS]["toy"] == first.after[ON_RECORDINGS]["toy"]
    recorded = {"kraken": (7, 1), "toy": (14, 2), "new": (14, 2), "unknown": (14, 2)}
    assert totals(second, ON_RECORDINGS) == [recorded, recorded]


def test_the_folder_of_the_base_is_not_written_over(base: Path, toys: list[Path]) -> None:
    with pytest.raises(ConfigError, match="Expected --out beside the base model"):
        enrol_toy(base, toys, None, base)


def test_a_label_that_is_no_class_is_a_sentence(toys: list[Path], captures: Path, tmp_path: Path) -> None:
    more = with_more(captures, tmp_path / "captures", "toy", toys[:1])
    with pytest.raises(SchemaError, match="found toy/TOY__1.jsonl.gz labelled 'toy': correct index.csv, or enrol"):
        train(tmp_path / "model", captures=more, amounts=AMOUNTS, seed=1, progress=lambda _: None)


def test_the_command_shows_both_models(toys: list[Path], base: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(enrol_command)
    app.command("other")(lambda: None)
    arguments = ["enrol", "toy", str(toys[0].parent), "--model", str(base), "--out", str(tmp_path / "model")]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False, env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "unknown venues" in result.stdout
    assert str(tmp_path / "model" / ENROLMENT_NAME) in result.stdout
    assert "3 of the 3 recordings" in result.stderr
