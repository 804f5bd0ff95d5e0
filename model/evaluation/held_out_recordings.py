"""Every recording with what is said of it by who never saw its like, and what its recorder alone would tell."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import numpy as np

from model.evaluation.figures import names_at
from model.evaluation.predictions import CERTAIN, LIKELY, UNDECIDED, Opinion, window_numbers
from model.training.dataset import Dataset
from udfs.current_verdict import messages_at
from udfs.schema import UNKNOWN

CERTAINTIES: Final = {UNDECIDED: "undecided", LIKELY: "likely", CERTAIN: "certain"}


def list_recordings(recordings: Dataset, opinion: Opinion, plain: Opinion) -> list[dict[str, Any]]:
    """List each recording that has a window, in the order of the index."""
    numbers, by_recorder = window_numbers(recordings), predict_recorder(recordings)
    listed = []
    for session, source in enumerate(recordings.sources):
        rows = np.flatnonzero(recordings.session == session)
        if not len(rows):
            continue
        last, certain = rows[-1], rows[opinion.certainty[rows] == CERTAIN]
        called = Counter(opinion.window_names[rows].tolist())
        listed.append(
            {
                "recording": source.name,
                "label": source.label,
                "family": source.family,
                "left_out_with": source.family if source.label == UNKNOWN else source.group,
                "verdict": str(opinion.standing_names[last]),
                "certainty": CERTAINTIES[int(opinion.certainty[last])],
                "probability": float(opinion.verdict_probabilities[session]),
                "windows": len(rows),
                "windows_right": called[source.label],
                "windows_called": dict(sorted(called.items())),
                "certain_after_messages": messages_at(int(numbers[certain[0]])) if len(certain) else None,
                "plain_verdict": str(names_at(plain, rows[-1:])[0]),
                "plain_windows_right": int((plain.window_names[rows] == source.label).sum()),
                "recorder_verdict": by_recorder[session],
            }
        )
    return listed


def predict_recorder(recordings: Dataset) -> list[str]:
    """Name each recording as most of its recorder's other recordings are; on a tie by the first in the alphabet.

    A recorder without another recording tells nothing: `unknown`.
    """
    recorders = [source.group.split()[0] for source in recordings.sources]
    names = []
    for session, recorder in enumerate(recorders):
        others = Counter(
            source.label
            for other, source in enumerate(recordings.sources)
            if other != session and recorders[other] == recorder
        )
        names.append(min(others, key=lambda label: (-others[label], label)) if others else UNKNOWN)
    return names
