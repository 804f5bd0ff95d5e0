"""Records of windows: what is read is what was written, bit for bit, and right-aligned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.errors import SchemaError
from udfs.history import HistoryCodec, features_from_text, features_to_text
from udfs.verdicts import HISTORY

NAMES = ("window_start_ns", "first_offset", "evidence", "traits")


def draw_windows(rng: np.random.Generator, n: int, n_classes: int, n_traits: int) -> dict[str, Any]:
    """Draw windows of any values that a record can hold, the extremes among them."""
    int64, int16 = np.iinfo(np.int64), np.iinfo(np.int16)
    return {
        "window_start_ns": rng.choice([int64.min, -1, 0, 10**18, int64.max], size=n),
        "first_offset": rng.integers(0, int64.max, size=n),
        "evidence": rng.integers(int16.min, int16.max, size=(n, n_classes), endpoint=True),
        "traits": rng.integers(-1, int16.max, size=(n, n_traits), endpoint=True),
    }


@given(
    seed=st.integers(0, 2**32 - 1),
    n_classes=st.integers(2, 12),
    n_traits=st.integers(0, 20),
    counts=st.lists(st.integers(1, HISTORY), max_size=10),
)
def test_a_history_comes_back_bit_for_bit(seed: int, n_classes: int, n_traits: int, counts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    codec = HistoryCodec(n_classes=n_classes, n_traits=n_traits)
    connections = [draw_windows(rng, count, n_classes, n_traits) for count in counts]
    texts = ["".join(codec.encode(**windows)) for windows in connections]
    assert all(len(text) == count * codec.record_length for text, count in zip(texts, counts, strict=True))
    history = codec.decode(texts)
    assert history.n_windows.tolist() == counts
    for row, (windows, count) in enumerate(zip(connections, counts, strict=True)):
        for name in NAMES:
            read = getattr(history, name)[row]
            assert read.dtype == np.int64
            assert np.array_equal(read[HISTORY - count :], windows[name])
            assert not read[: HISTORY - count].any()


def test_an_empty_batch_is_empty() -> None:
    codec = HistoryCodec(n_classes=3, n_traits=2)
    assert codec.encode(**draw_windows(np.random.default_rng(1), 0, 3, 2)).tolist() == []
    assert codec.decode([]).evidence.shape == (0, HISTORY, 3)


@pytest.mark.parametrize("length", [0, -1, 17])
def test_a_text_of_another_version_is_refused(length: int) -> None:
    codec = HistoryCodec(n_classes=3, n_traits=2)
    text = "A" * (length * codec.record_length if length >= 0 else codec.record_length - 1)
    with pytest.raises(SchemaError, match="1 to 16 records of 36 characters"):
        codec.decode([text])


@pytest.mark.parametrize("name", ["evidence", "traits"])
def test_what_does_not_fit_is_refused(name: str) -> None:
    windows = draw_windows(np.random.default_rng(1), 4, 3, 2)
    windows[name][2, 1] = 32_768
    with pytest.raises(SchemaError, match=f"Expected {name} from -32768 to 32767"):
        HistoryCodec(n_classes=3, n_traits=2).encode(**windows)


@pytest.mark.parametrize("n", [0, 1, 5])
@pytest.mark.parametrize("n_features", [1, 3, 50])
def test_features_come_back_bit_for_bit(n: int, n_features: int) -> None:
    features = np.random.default_rng(n).choice([np.nan, -0.0, 1 / 3, 5e-324, 1e308], size=(n, n_features))
    texts = features_to_text(features).tolist()
    assert features_from_text(texts, n_features).tobytes() == features.tobytes()
