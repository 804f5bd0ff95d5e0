"""What the job makes of scored windows, in Java, is what the Python of `udfs` and `jobs.reference` makes of them."""

from __future__ import annotations

import base64
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import orjson
import pytest

from jobs.pipeline.queries import scored_view
from jobs.reference.scored_windows import PartitionMessages
from jobs.reference.verdict_rows import result_rows
from model.artifact.artifact_folder import load_predictor
from model.artifact.shipped_artifacts import CATALOGUE_ARTIFACT, DEFAULT_ARTIFACT
from synthetic.sessions import synthetic_sessions
from udfs.features import compute_features
from udfs.model_schedule import Activation, Schedule
from udfs.rows import SCORE_COLUMNS, as_stored
from udfs.schema import WINDOW_COLUMNS, WINDOW_SIZE, Float64Array, Windows
from udfs.scoring import score_windows
from udfs.signatures import N_TRAITS, UNDEFINED, pool, signatures
from udfs.verdicts import HISTORY, DecisionRule, decide, evidence_millinats, verdict_probability
from udfs.window_records import model_text, record_rows
from udfs.windows import window_starts

RunJava = Callable[..., CompletedProcess[str]]

NAMES = [*"abcdefghijkl"]


@pytest.fixture(scope="module")
def java(run_java: RunJava) -> Callable[[str, Sequence[str]], list[str]]:
    """Return what hands lines to `PrintVerdicts.java` and returns the lines that it prints."""

    def run(what: str, lines: Sequence[str]) -> list[str]:
        done = run_java("exchangefingerprint.flink.verdicts.PrintVerdicts", what, text="\n".join(lines))
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


Java = Callable[[str, Sequence[str]], list[str]]


class Drawn:
    """A model whose probabilities were drawn, by the features of the windows."""

    def __init__(self, version: str, classes: tuple[str, ...], rule: DecisionRule) -> None:
        self.model_version, self.classes, self.decision_rule = version, classes, rule
        self.refusal_thresholds = (0.3,) * len(classes)
        self.drawn: dict[bytes, Float64Array] = {}

    def predict(self, features: Float64Array) -> Float64Array:
        return np.array([self.drawn[row.tobytes()] for row in features]).reshape(len(features), len(self.classes))

    def explain(self, features: Float64Array, verdicts: Sequence[str], against: Sequence[str]) -> Any:
        return np.full(len(features), None, dtype=object)


def draw_rule(rng: np.random.Generator, n_classes: int, most_bound: int = 16_000) -> DecisionRule:
    return DecisionRule(
        bounds_millinats=tuple(rng.integers(most_bound // 10, most_bound, n_classes).tolist()),
        unknown=int(rng.integers(n_classes)),
        intercept=float(rng.normal(0, 3)),
        slope_per_nat=float(abs(rng.normal(0, 0.5))),
    )


def draw_model(rng: np.random.Generator, version: str, n_classes: int, most_bound: int = 16_000) -> Drawn:
    rule, names = draw_rule(rng, n_classes, most_bound), NAMES[: n_classes - 1]
    return Drawn(version, (*names[: rule.unknown], "unknown", *names[rule.unknown :]), rule)


def draw_probabilities(rng: np.random.Generator, n_windows: int, n_classes: int) -> Float64Array:
    """Draw windows that mostly speak for one class, which now and then becomes another one; some say nothing."""
    lengths = rng.integers(1, 40, size=n_windows)
    favourite = np.repeat(rng.integers(n_classes, size=n_windows), lengths)[:n_windows]
    weights = rng.gamma(0.4, size=(n_windows, n_classes)) + 1e-9
    weights[np.arange(n_windows), favourite] += rng.exponential(2.0, size=n_windows)
    weights[rng.random(n_windows) < 0.1] = 1.0
    return weights / weights.sum(axis=1, keepdims=True)


def bits(number: float) -> str:
    return f"{struct.unpack('>q', struct.pack('>d', number))[0]:x}"


def joined(values: Any) -> str:
    return " ".join(map(str, np.asarray(values).ravel().tolist()))


def test_decisions_are_the_same_to_the_last_bit(java: Java) -> None:
    rng = np.random.default_rng(1)
    lines, expected, seen = list[str](), list[str](), Counter[tuple[bool, ...]]()
    for n_classes in [2, 3, 4, 4, 4, 13] * 40:
        model = draw_model(rng, "m", n_classes)
        lines.append(model_text(model))
        for _ in range(40):
            n = int(rng.integers(1, HISTORY + 1))
            evidence = evidence_millinats(np.round(draw_probabilities(rng, n, n_classes), 6))
            if rng.random() < 0.3:  # ties
                evidence = evidence // 1000 * 1000
            lines.append(joined(evidence))
            padded = np.concatenate([np.zeros((HISTORY - n, n_classes), dtype=np.int64), evidence])
            found = decide(padded[None], np.array([n]), model.decision_rule)
            told = found.decisive, found.overturns, found.leaning, found.strength_millinats, found.suffix_windows
            row = [values[0].item() for values in told]
            expected.append(" ".join([*(str(value).lower() for value in row), bits(found.probability[0])]))
            seen[row[0] >= 0, row[1], row[2] >= 0] += 1
    assert java("decisions", lines) == expected
    assert len(seen) == 4
    assert min(seen.values()) > 100


def test_probabilities_of_every_lead_are_the_same_to_the_last_bit(java: Java) -> None:
    rng = np.random.default_rng(2)
    rules = [load_predictor(folder).decision_rule for folder in (DEFAULT_ARTIFACT, CATALOGUE_ARTIFACT)]
    rules += [draw_rule(rng, 3) for _ in range(5)]
    most = -HISTORY * int(evidence_millinats(np.array([[0.0]]))[0, 0])
    leads = np.arange(most + 1)
    lines = java("probabilities", [f"{rule.intercept!r} {rule.slope_per_nat!r} {most}" for rule in rules])
    for rule, line in zip(rules, lines, strict=True):
        found = np.array([int(one, 16) for one in line.split()], dtype=np.int64).view(np.float64)
        assert found.tobytes() == verdict_probability(leads, rule).tobytes()
        # With the exponential of a library, at most the last of the six decimals is another.
        log_odds = rule.intercept + rule.slope_per_nat * (leads / 1000)
        np.testing.assert_allclose(found, 1 / (1 + np.exp(-log_odds)), rtol=0, atol=5.1e-7)


def test_probabilities_of_the_shipped_models_are_those_of_the_exponential_of_numpy() -> None:
    for folder in (DEFAULT_ARTIFACT, CATALOGUE_ARTIFACT):
        rule, leads = load_predictor(folder).decision_rule, np.arange(120_000)
        by_numpy = np.round(1 / (1 + np.exp(-(rule.intercept + rule.slope_per_nat * (leads / 1000)))), 6)
        assert np.array_equal(verdict_probability(leads, rule), by_numpy)


def test_signatures_are_the_same(java: Java) -> None:
    rng = np.random.default_rng(3)
    lines, expected = [], []
    limits = np.array([0, 1, 100, 101, 500, 501, 1000, 1001, 1300, 1301, 2500, 32_767])
    for _ in range(4000):
        n = int(rng.integers(1, HISTORY + 1))
        traits = rng.choice(limits, size=(n, N_TRAITS)) if rng.random() < 0.5 else rng.integers(0, 2000, (n, N_TRAITS))
        traits = np.where(rng.random((n, N_TRAITS)) < rng.choice([0, 0.1, 0.9]), UNDEFINED, traits)
        lines.append(joined(traits))
        expected += signatures(pool(traits[None], np.array([n]))).tolist()
    assert java("signatures", lines) == expected
    assert len(set(expected)) > 200


def test_features_are_stored_as_the_same_numbers(java: Java) -> None:
    rng = np.random.default_rng(4)
    drawn = np.concatenate(
        [
            rng.normal(0, 1, 20_000) * 10.0 ** rng.integers(-8, 8, 20_000),
            # Half-way between two numbers of single precision, to the last decimal and beyond.
            (np.float32(1) + np.arange(1, 4000, 2) * np.float64(2**-24)) * 2.0 ** rng.integers(-3, 3, 2000),
            np.arange(-100, 100) / 64 + 2.0**-7,
            np.array([0.0, -0.0, np.nan, 0.5e-6, 1.5e-6, -0.5e-6, 1e15, 1e22, -1e300]),
        ]
    )
    with np.errstate(over="ignore"):
        stored = as_stored(drawn)
    found = java("features", [f"{struct.unpack('>Q', struct.pack('>d', value))[0]:x}" for value in drawn])
    assert np.array([int(bits, 16) for bits in found], dtype=np.uint32).tobytes() == stored.tobytes()


class TwoModels:
    """From some offset on, another model of more classes scores."""

    def __init__(self, first: Drawn, second: Drawn, from_offset: int) -> None:
        self.models = {model.model_version: model for model in (first, second)}
        swap = Activation(model_version=second.model_version, from_offsets=(from_offset,))
        self._schedule = Schedule(activations=(Activation(model_version=first.model_version), swap))

    def schedule(self) -> Schedule:
        return self._schedule

    def still_holds(self, schedule: Schedule) -> bool:
        return True

    def predictor(self, model_version: str) -> Drawn:
        return self.models[model_version]

    explainer = predictor


def draw_messages(rng: np.random.Generator) -> PartitionMessages:
    """Draw connections of one or two segments, some of one or two windows, whose claims change now and then."""
    drawn = [
        s.session
        for length in (1500, 75)
        for s in synthetic_sessions(per_exchange=10, seed=length, start_ns=10**18, n_messages=length)
    ]
    sessions = [replace(session, connection_id=f"c{i}") for i, session in enumerate(drawn)]
    columns = {name: np.concatenate([getattr(s, name) for s in sessions]) for name in WINDOW_COLUMNS}
    columns["kafka_offset"] = np.concatenate([i + 100 * np.arange(len(s)) for i, s in enumerate(sessions)])
    names, lengths, declared = list[str](), list[int](), list[str | None]()
    for session in sessions:
        cut = int(rng.choice([0, 10, 30, 400, 700])) % len(session)
        for length in filter(None, (cut, len(session) - cut)):
            names.append(session.connection_id)
            lengths.append(length)
        claims: list[str | None] = ["a", "b", None]
        chosen = np.repeat(rng.integers(len(claims), size=len(session)), rng.integers(1, 1500, size=len(session)))
        declared += [claims[i] for i in chosen[: len(session)]]
    return PartitionMessages(
        kafka_partition=0,
        connection_ids=np.array(names, dtype=object),
        lengths=np.array(lengths),
        columns=columns,
        declared=np.array(declared, dtype=object),
    )


def scored_lines(messages: PartitionMessages, models: TwoModels, rng: np.random.Generator) -> list[str]:
    """Write each window as the job hands it to Java; fills in what the models say of it."""
    starts = window_starts(messages.lengths)
    places = starts[:, None] + np.arange(WINDOW_SIZE)
    windows = Windows(**{name: messages.columns[name][places] for name in WINDOW_COLUMNS})
    offsets, features = messages.columns["kafka_offset"][places], compute_features(windows)
    for model in models.models.values():
        drawn = draw_probabilities(rng, len(places), len(model.classes))
        model.drawn = {row.tobytes(): of_row for row, of_row in zip(features, drawn, strict=True)}
    ends = np.cumsum(messages.lengths)
    segments = np.searchsorted(ends, starts, side="right")
    begins = ends[segments] - messages.lengths[segments]
    versions = models.schedule().versions_at(np.zeros(len(places), dtype=np.int64), offsets[:, -1])
    lines = []
    for i, version in enumerate(versions):
        model = models.predictor(version)
        (row,) = record_rows(score_windows(windows.take(np.array([i])), model), model).to_dict("records")
        values = (
            messages.connection_ids[segments[i]], 0, offsets[i, -1], messages.declared[places[i, -1]] or "",
            starts[i] - begins[i] + WINDOW_SIZE, messages.columns["kafka_offset"][begins[i]], offsets[i, 0],
            windows.recv_ts_ns[i].min(), windows.recv_ts_ns[i].max(), base64.b64encode(row["record"]).decode(),
            row["model"],
        )  # fmt: skip
        lines.append("\t".join(map(str, values)))
    return lines


def columns_of(run_java: RunJava) -> tuple[list[str], list[str]]:
    taken, emitted = run_java("exchangefingerprint.flink.verdicts.PrintColumns").stdout.splitlines()
    return taken.split(), emitted.split()


def test_scored_windows_come_in_the_order_in_which_java_reads_them(run_java: RunJava) -> None:
    selected = " ".join(scored_view(None).split()).removeprefix("SELECT ").split(" FROM")[0]  # type: ignore[arg-type]
    assert [name.rpartition(" ")[2] for name in selected.split(", ")] == columns_of(run_java)[0]


def test_rows_are_those_of_the_reference(java: Java, run_java: RunJava) -> None:
    rng = np.random.default_rng(5)
    messages = draw_messages(rng)
    models = TwoModels(draw_model(rng, "v1", 4, 40_000), draw_model(rng, "v2", 6, 40_000), from_offset=100 * 900)
    lines = scored_lines(messages, models, rng)
    names = columns_of(run_java)[1]
    judged = [
        {"connection_id": line.split("\t")[0]} | dict(zip(names, found.split("\t"), strict=True))
        for line, found in zip(lines, java("rows", lines), strict=True)
    ]
    tables: dict[str, list[dict[str, Any]]] = {}
    for table, rows in result_rows(messages, models, models.schedule()):  # type: ignore[arg-type]
        tables.setdefault(table, []).extend(rows.to_dict("records"))

    assert [as_score(row) for row in judged] == [as_score(row) for row in tables["window_scores"]]
    last = {row["connection_id"]: row for row in judged}
    verdicts = {row["connection_id"]: row for row in tables["connection_verdicts"]}
    assert {name: as_verdict(row) for name, row in last.items()} == {
        name: [told(row[column]) for column in VERDICT] for name, row in verdicts.items()
    }
    news = [row for row in judged if row["has_news"] == "true"]
    events = tables["connection_events"]
    assert [as_event(row) for row in news] == [[told(row[column]) for column in EVENT] for row in events]
    # For the explanation every feature is there, to the last bit.
    known = {row["last_offset"]: line.split("\t")[9] for row, line in zip(judged, lines, strict=True)}
    assert all(row["exact_features"] for row in news)
    assert all(known[row["last_offset"]].startswith(row["exact_features"]) for row in news)
    assert not any(row["exact_features"] for row in judged if row["has_news"] == "false")
    certainties = Counter(row["certainty"] for row in tables["connection_verdicts"])
    replaced = {row["previous_verdict"] for row in tables["connection_events"]}
    assert len(certainties) == 3
    assert len(replaced) > 3


VERDICT = (
    "verdict", "certainty", "strength_nats", "probability", "since_at", "since_offset", "windows", "messages",
    "certain_after_messages", "previous_verdict", "kafka_partition", "last_offset", "last_window_end_at",
    "declared_exchange", "signature", "model_version",
)  # fmt: skip
EVENT = (
    "kind", "previous_verdict", "verdict", "declared_exchange", "since_at", "since_offset", "detected_at", "messages",
    "windows", "strength_nats", "probability", "signature", "model_version", "last_offset",
)  # fmt: skip


def told(value: Any) -> str:
    """Write a value so that equal ones have equal texts: nothing, a time, or the shortest form of a number."""
    if value is None or value == "" or value != value:  # NaN is nothing as well
        return ""
    if isinstance(value, str) and value.endswith("Z"):
        return str(np.datetime64(value[:-1], "us"))
    try:
        return repr(float(value))
    except ValueError:
        return str(value)


def as_score(row: dict[str, Any]) -> list[Any]:
    of_text = {
        "probabilities": lambda text: orjson.loads(text) if isinstance(text, str) else text,
        "features": lambda text: [
            None if one is None else np.float32(one).item()
            for one in (orjson.loads(f"[{text[1:-1]}]") if isinstance(text, str) else text)
        ],
    }
    columns = ("connection_id", "kafka_partition", "last_offset", "declared_exchange", *SCORE_COLUMNS)
    return [of_text.get(name, told)(row[name]) for name in columns]


def as_verdict(row: dict[str, str]) -> list[str]:
    """Lay out a row of `connection_verdicts` as the job's SQL does."""
    is_certain, is_likely = row["certain"] != "", row["leaning"] != ""
    of_certain = "certain_" if is_certain else ""
    since = [row[of_certain + name] if is_certain or is_likely else "" for name in ("since_at", "since_offset")]
    values = [
        row["certain"] or row["leaning"] or "unknown",
        "certain" if is_certain else "likely" if is_likely else "undecided",
        row[of_certain + "strength_nats"], row[of_certain + "probability"], *since,
        int(row["n"]) // 25 - 1, row["n"], row["certain_after_messages"], row["previous_verdict"],
        row["kafka_partition"], row["last_offset"], row["window_end_at"], row["declared_exchange"],
        row["pooled_signature"], row["model_version"],
    ]  # fmt: skip
    return [told(value) for value in values]


def as_event(row: dict[str, str]) -> list[str]:
    """Lay out a row of `connection_events` as the job's SQL does."""
    certain, declared = row["certain"], row["declared_exchange"]
    kind = "unknown_venue" if certain == "unknown" else "mismatch" if declared not in ("", certain) else "named"
    is_renewed = row["certain_before"] == certain
    since = (row["window_start_at"], row["first_offset"]) if is_renewed else (row["since_at"], row["since_offset"])
    values = [
        kind, row["certain_before"], certain, declared, *since, row["window_end_at"], row["n"],
        row["certain_suffix_windows"], row["certain_strength_nats"], row["certain_probability"],
        row["pooled_signature"], row["model_version"], row["last_offset"],
    ]  # fmt: skip
    return [told(value) for value in values]
