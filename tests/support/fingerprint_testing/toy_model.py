"""A small model of other classes than the one that comes with the project, for tests that need a second one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xgboost as xgb

from model.artifact.artifact_folder import load_manifest, save_artifact
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.training.calibration import Scaling
from synthetic.sessions import synthetic_sessions
from udfs.features import compute_features
from udfs.schema import UNKNOWN
from udfs.verdicts import DecisionRule
from udfs.windows import session_windows

CLASSES = ("binance", "kraken", UNKNOWN)


def save_toy_model(folder: Path) -> str:
    """Train ten trees a class on a few sessions, save them, and return the model's version."""
    drawn = [s for s in synthetic_sessions(per_exchange=4, seed=3, start_ns=10**18, n_messages=700)]
    features = [compute_features(session_windows(s.session)) for s in drawn]
    labels = np.concatenate(
        [
            np.full(len(rows), CLASSES.index(s.exchange if s.exchange in CLASSES else UNKNOWN))
            for s, rows in zip(drawn, features, strict=True)
        ]
    )
    settings = {"objective": "multi:softprob", "num_class": len(CLASSES), "nthread": 1, "seed": 1}
    booster = xgb.train(settings, xgb.DMatrix(np.concatenate(features), labels), num_boost_round=10)
    shipped = load_manifest(DEFAULT_ARTIFACT)
    decision = shipped.decision | {"bounds_millinats": (4000,) * len(CLASSES), "unknown": CLASSES.index(UNKNOWN)}
    return save_artifact(
        folder,
        booster,
        classes=list(CLASSES),
        release="toy",
        scaling=Scaling(slopes=(1.0,) * len(CLASSES), biases=(0.0,) * len(CLASSES)),
        refusal={name: shipped.refusal[name] for name in CLASSES if name != UNKNOWN},
        decision=DecisionRule(**decision),
        typical={name: shipped.typical[name] for name in CLASSES},
        reference={name: shipped.reference[name] for name in CLASSES},
        training={},
        metrics={},
    ).model_version
