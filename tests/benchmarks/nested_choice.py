"""What choosing among ways to make a model costs: the choice is made anew inside every fold; nothing but Python runs.

`python tests/benchmarks/nested_choice.py --captures DIR` leaves out some recorder days and whole families of unknown
venues at a time. On the other recordings, each way is measured with days and families left out once more; the way that
errs least there makes a model of all of them, which names what was left out. What is counted of that was seen neither
by the model nor by the choice. It takes a quarter of an hour on two cores.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model.evaluation.candidates import Candidate, model_candidate
from model.evaluation.predictions import CERTAIN, Prediction, last_windows
from model.evaluation.statistics import auroc, wilson_interval
from model.training.cross_fitting import Material, cross_fit, divide
from model.training.dataset import (
    Dataset,
    build_dataset,
    concatenate,
    draw_labelled_synthetic,
    draw_labelled_unknown_venues,
    jitter_every_second,
    read_labelled_captures,
)
from model.training.training_run import (
    CALIBRATION_SEED_OFFSET,
    CLASSES,
    Amounts,
    draw_synthetic,
    draw_to_train_on,
)
from udfs.features import BLOCKS
from udfs.schema import UNKNOWN

AMOUNTS = Amounts(per_exchange=300, n_unknown_venues=750, n_messages=700)
N_TREES = 300
"""Half of what the shipped model is made of."""

FEWER_AMOUNTS = Amounts(per_exchange=200, n_unknown_venues=500, n_messages=700)
MORE_TREES = 450
OUTER_FOLDS, INNER_FOLDS = 10, 3
FALSE_UNKNOWN_RATE = 0.01
N_RECOMBINED = 300


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to make a model.

    Attributes
    ----------
    synthetic : Dataset
        Trained on beside recordings.
    n_trees : int
        Of the booster.
    """

    synthetic: Dataset
    n_trees: int = N_TREES


@dataclass(frozen=True, kw_only=True)
class Said:
    """What was said of one recording: its label, its family, the verdict, and whether that was certain."""

    label: str
    family: str
    verdict: str
    is_certain: bool

    @property
    def is_wrong(self) -> bool:
        """Whether it is the name of another exchange."""
        return self.verdict not in (self.label, UNKNOWN)


def main() -> None:
    """Print what each way gives, and what choosing gives."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captures", type=Path, required=True, help="recordings with their index.csv")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    recordings = build_dataset(read_labelled_captures(arguments.captures, lambda _: None))
    ways = draw_ways(arguments.seed)
    fresh = draw_synthetic(AMOUNTS.half(), arguments.seed + CALIBRATION_SEED_OFFSET)
    by_way: dict[str, list[Said]] = {name: [] for name in ways}
    chosen: list[Said] = []
    choices: Counter[str] = Counter()
    for number, fold in enumerate(divide(recordings, OUTER_FOLDS)):
        errors, outer = {}, {}
        for name, way in ways.items():
            inside = recordings.take(fold.trained)
            candidate = fit(way, inside, fresh, arguments.seed)
            errors[name] = measure_errors(inside, candidate.left_out.predict(inside, FALSE_UNKNOWN_RATE))
            tested = recordings.take(fold.tested)
            outer[name] = said_of(tested, candidate.whole.predict(tested, FALSE_UNKNOWN_RATE))
            by_way[name] += outer[name]
        best = min(errors, key=lambda name: errors[name])
        choices[best] += 1
        chosen += outer[best]
        print(f"fold {number + 1}: {best} of {errors}", flush=True)
    for name, said in (*by_way.items(), ("what each fold chose", chosen)):
        print(describe(name, said))
    print("chosen:", dict(choices))
    for family in sorted({one.family for one in chosen if one.label == UNKNOWN}):
        own = [one for one in chosen if one.family == family]
        print(f"  {family}: {sum(one.verdict == UNKNOWN for one in own)} of {len(own)} refused")


def draw_ways(seed: int) -> dict[str, Way]:
    """Draw the material of each way."""
    long_lived = draw_to_train_on(AMOUNTS, seed)
    return {
        "as shipped": Way(synthetic=long_lived),
        "fewer sessions, more trees": Way(synthetic=draw_to_train_on(FEWER_AMOUNTS, seed), n_trees=MORE_TREES),
        "short sessions": Way(synthetic=draw_short_lived(seed)),
        "with recombined windows": Way(synthetic=concatenate([long_lived, recombine(long_lived, seed)])),
    }


def draw_short_lived(seed: int) -> Dataset:
    """Draw as many sessions as `draw_to_train_on`, none of which lives longer than the others."""
    known = draw_labelled_synthetic(per_exchange=AMOUNTS.per_exchange, n_messages=AMOUNTS.n_messages, seed=seed)
    unknown = draw_labelled_unknown_venues(n=AMOUNTS.n_unknown_venues, n_messages=AMOUNTS.n_messages, seed=seed)
    return build_dataset(jitter_every_second([*known, *unknown], seed))


def recombine(dataset: Dataset, seed: int) -> Dataset:
    """Make unknown venues of windows that have some families of features from one session, the others from another."""
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(dataset.session == i) for i in range(len(dataset.sources))]
    ends = np.cumsum([len(block.features) for block in BLOCKS])
    families = [range(end - len(block.features), end) for block, end in zip(BLOCKS, ends.tolist(), strict=True)]
    features, sources = [], []
    for number in range(N_RECOMBINED):
        one, other = rng.choice(len(rows), 2, replace=False)
        n = min(len(rows[one]), len(rows[other]))
        mixed = dataset.features[rows[one][:n]].copy()
        for family in families:
            if rng.random() < 0.5:
                mixed[:, family] = dataset.features[rows[other][:n]][:, family]
        features.append(mixed)
        name = f"recombined {number}"
        sources.append(replace(dataset.sources[one], name=name, label=UNKNOWN, group=name, family=name))
    session = np.repeat(np.arange(N_RECOMBINED), [len(part) for part in features])
    return Dataset(sources=sources, features=np.concatenate(features), session=session)


def fit(way: Way, recordings: Dataset, fresh: Dataset, seed: int) -> Candidate:
    """Make a model of these recordings, and one for each fold of them."""
    material = Material(synthetic=way.synthetic, recordings=recordings, fresh=fresh)
    fitted = cross_fit(
        material, CLASSES, n_trees=way.n_trees, most_folds=INNER_FOLDS, seed=seed, progress=lambda _: None
    )
    return model_candidate(material, fitted)


def said_of(dataset: Dataset, prediction: Prediction) -> list[Said]:
    """List what stands for each recording after its last window."""
    return [
        Said(
            label=dataset.sources[session].label,
            family=dataset.sources[session].family,
            verdict=str(prediction.current_verdict_names[row]),
            is_certain=bool(prediction.certainty[row] == CERTAIN),
        )
        for row in last_windows(dataset)
        for session in (int(dataset.session[row]),)
    ]


def measure_errors(dataset: Dataset, prediction: Prediction) -> tuple[int, int, float]:
    """Count verdicts that are not right, then those that are certain of a wrong name, then pairs in the wrong order.

    The last is the share of pairs of a known and an unknown connection of which the known one looks less known.
    """
    said = said_of(dataset, prediction)
    last = dataset.session[last_windows(dataset)]
    ranked = auroc(prediction.connection_scores[last], dataset.labels[last] == UNKNOWN)
    n_wrong = sum(one.verdict != one.label for one in said)
    return n_wrong, sum(one.is_wrong and one.is_certain for one in said), round(1 - (ranked or 0.0), 4)


def describe(name: str, said: Sequence[Said]) -> str:
    """Lay out a row of the table in docs/figures.md."""
    known = [one for one in said if one.label != UNKNOWN]
    unknown = [one for one in said if one.label == UNKNOWN]
    refused = sum(one.verdict == UNKNOWN for one in unknown)
    low, high = wilson_interval(refused, len(unknown))
    named = Counter("certain" if one.is_certain else "likely" for one in unknown if one.is_wrong)
    right, lost = sum(one.verdict == one.label for one in known), sum(one.verdict == UNKNOWN for one in known)
    return (
        f"| {name} | {refused} of {len(unknown)} [{100 * low:.0f}, {100 * high:.0f}] | {named['certain']} /"
        f" {named['likely']} | {right} / {lost} / {len(known) - right - lost} |"
    )


if __name__ == "__main__":
    main()
