"""Each known exchange in turn as a stranger: a model that never heard of it should refuse it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from model.evaluation.candidates import known_only, model_namer, plain_namer
from model.evaluation.effort import Effort
from model.evaluation.figures import Names, main_figures
from model.evaluation.predictions import Namer
from model.training.boosting import Progress
from model.training.cross_fitting import Material, cross_fit
from model.training.dataset import Dataset, Source
from udfs.schema import EXCHANGES, UNKNOWN


def known_as_strangers(
    material: Material,
    tested: Dataset,
    classes: Sequence[str],
    effort: Effort,
    seed: int,
    false_unknown_rate: float,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Train without each exchange, then name its fresh sessions and its recordings, of which none was seen.

    With fewer trees than the model has. What is fitted on held-out sessions is fitted without it, too; the recordings
    of the others are left out in a few parts for it.
    """
    settings = {"n_trees": effort.variant_trees, "most_folds": effort.variant_folds, "seed": seed}
    rows = []
    for exchange in EXCHANGES:
        others = [name for name in classes if name != exchange]
        reduced = material.without(exchange)
        subjects = {
            "fresh": _as_strangers(tested, exchange),
            "recordings": _as_strangers(material.recordings, exchange),
        }
        said = {}
        for name, fit, used in (("model", model_namer, others), ("plain", plain_namer, known_only(others))):
            fitted = cross_fit(reduced, used, **settings, progress=_prefixed(f"{exchange} as a stranger", progress))
            namer = fit(reduced, fitted)
            said[name] = {on: _refused(dataset, namer, false_unknown_rate) for on, dataset in subjects.items()}
        rows.append({"exchange": exchange, **said})
    return rows


def _prefixed(prefix: str, progress: Progress) -> Progress:
    return lambda line: progress(f"{prefix}: {line}")


def _as_strangers(dataset: Dataset, exchange: str) -> Dataset:
    own = dataset.take(dataset.labels == exchange)
    relabelled: list[Source] = [replace(source, label=UNKNOWN) for source in own.sources]
    return replace(own, sources=relabelled)


def _refused(dataset: Dataset, namer: Namer, false_unknown_rate: float) -> dict[str, Any]:
    figures = main_figures(Names.of(dataset, namer.opine(dataset, false_unknown_rate)))
    return {
        unit: {
            "refused": figures[unit]["strangers_refused"],
            "names": figures[unit]["confusion"].get(UNKNOWN, {}),
        }
        for unit in ("windows", "connections")
    }
