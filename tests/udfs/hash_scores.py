"""Print hashes of features, probabilities and verdicts of windows drawn as whole numbers: `test_elementary` runs it."""

from __future__ import annotations

import hashlib

import numpy as np

from model.artifact.artifact_folder import load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from udfs.schema import MISSING, WINDOW_SIZE, MsgType, Windows
from udfs.scoring import score_windows
from udfs.verdicts import evidence_millinats, verdict_probability

N_WINDOWS = 3000


def main() -> None:
    """Print the hashes."""
    rng = np.random.default_rng(1)
    shape = (N_WINDOWS, WINDOW_SIZE)
    gaps_ns = rng.integers(0, 10 ** rng.integers(4, 9, (N_WINDOWS, 1)), shape)
    recv_ts_ns = 10**18 + np.cumsum(gaps_ns, axis=1)
    answered = np.where(rng.integers(0, 2, (N_WINDOWS, 1)) == 1, np.arange(WINDOW_SIZE) // 2, MISSING)
    windows = Windows(
        recv_ts_ns=recv_ts_ns,
        exchange_ts_ns=np.where(rng.integers(0, 3, shape) > 0, recv_ts_ns - rng.integers(0, 10**8, shape), MISSING),
        seq=np.cumsum(rng.integers(0, 3, shape), axis=1),
        request_id=answered,
        msg_type=rng.integers(0, len(MsgType), shape),
        payload_bytes=rng.integers(0, 10 ** rng.integers(1, 5, (N_WINDOWS, 1)), shape),
    )
    predictor = load_predictor(DEFAULT_ARTIFACT)
    scores = score_windows(windows, predictor)
    strengths = evidence_millinats(scores.probabilities).max(axis=1) + np.arange(N_WINDOWS) * 5
    probabilities = verdict_probability(strengths, predictor.decision_rule)
    for values in (scores.features, scores.probabilities, probabilities):
        print(hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest())


if __name__ == "__main__":
    main()
