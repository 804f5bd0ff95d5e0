"""What holds for the whole matrix: its columns, and that a row depends on its own window alone."""

from collections.abc import Callable

import numpy as np
import pytest

from udfs.errors import SchemaError
from udfs.features import BLOCKS, FEATURES, compute_features
from udfs.schema import WINDOW_COLUMNS, WINDOW_SIZE, Float64Array, Int64Array, Windows

MakeWindows = Callable[[int, np.random.Generator], Windows]


def select(windows: Windows, index: slice | Int64Array) -> Windows:
    return Windows(**{name: getattr(windows, name)[index] for name in WINDOW_COLUMNS})


def change(windows: Windows, to_layout: Callable[[Int64Array], Int64Array]) -> Windows:
    return Windows(**{name: to_layout(getattr(windows, name)) for name in WINDOW_COLUMNS})


def assert_same_bits(actual: Float64Array, expected: Float64Array) -> None:
    assert actual.tobytes() == expected.tobytes()


def test_no_two_features_have_one_name_and_every_unit_is_known() -> None:
    assert len({feature.name for feature in FEATURES}) == len(FEATURES)
    assert {feature.unit for feature in FEATURES} == {"log10(us)", "log10(bytes)", "count", "ratio", "share"}


def test_each_block_computes_the_columns_it_names(windows: Windows) -> None:
    sound = select(windows, np.flatnonzero((windows.recv_ts_ns >= 0).all(axis=1)))
    whole = compute_features(sound)
    blocks = [block.compute(sound) for block in BLOCKS]
    assert [block.shape[1] for block in blocks] == [len(block.features) for block in BLOCKS]
    assert_same_bits(np.concatenate(blocks, axis=1), whole)


def test_the_result_is_float64_and_never_infinite(windows: Windows) -> None:
    rows = compute_features(windows)
    assert rows.dtype == np.float64
    assert rows.shape == (200, len(FEATURES))
    assert rows.flags.c_contiguous
    assert not np.isinf(rows).any()


def test_no_value_leaves_its_units_range(windows: Windows) -> None:
    rows = compute_features(windows)
    for feature, column in zip(FEATURES, rows.T, strict=True):
        present = column[~np.isnan(column)]
        if feature.unit != "log10(us)":
            assert (present >= 0).all(), feature.name
        if feature.unit == "share" or feature.name.startswith("arrival_tick"):
            assert (present <= 1 + 1e-6).all(), feature.name


def test_an_empty_batch_has_no_rows() -> None:
    empty = np.empty((0, WINDOW_SIZE), dtype=np.int64)
    windows = Windows(**dict.fromkeys(WINDOW_COLUMNS, empty))
    assert compute_features(windows).shape == (0, len(FEATURES))


def test_a_window_of_another_size_is_refused() -> None:
    short = np.zeros((3, WINDOW_SIZE - 1), dtype=np.int64)
    with pytest.raises(SchemaError, match=r"windows of 50 messages, found a batch of the shape \(3, 49\)"):
        compute_features(Windows(**dict.fromkeys(WINDOW_COLUMNS, short)))


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 8, 9, 40, 400])
def test_a_row_has_the_same_bits_in_any_batch(make_windows: MakeWindows, batch_size: int) -> None:
    windows = make_windows(2000 if batch_size > 9 else 150, np.random.default_rng(batch_size))
    starts = range(0, len(windows), batch_size)
    parts = [compute_features(select(windows, slice(start, start + batch_size))) for start in starts]
    assert_same_bits(np.concatenate(parts), compute_features(windows))


def test_a_row_has_the_same_bits_among_any_neighbours(make_windows: MakeWindows) -> None:
    rng = np.random.default_rng(3)
    windows = make_windows(500, rng)
    alone = compute_features(windows)
    for _ in range(20):
        index = rng.integers(0, 500, rng.integers(1, 300))
        assert_same_bits(compute_features(select(windows, index)), alone[index])


def every_other_column(array: Int64Array) -> Int64Array:
    wide = np.zeros((array.shape[0], array.shape[1] * 2), dtype=np.int64)
    wide[:, ::2] = array
    return wide[:, ::2]


def backwards(array: Int64Array) -> Int64Array:
    return np.ascontiguousarray(array[::-1, ::-1])[::-1, ::-1]


def misaligned(array: Int64Array) -> Int64Array:
    view: Int64Array = np.frombuffer(b"\0" + array.tobytes(), dtype=np.int64, offset=1).reshape(array.shape)
    return view


@pytest.mark.parametrize("n_windows", [1, 2, 7, 400])
@pytest.mark.parametrize("to_layout", [np.asfortranarray, every_other_column, backwards, misaligned])
def test_a_row_has_the_same_bits_in_any_memory_layout(
    make_windows: MakeWindows, to_layout: Callable[[Int64Array], Int64Array], n_windows: int
) -> None:
    windows = make_windows(n_windows, np.random.default_rng(n_windows))
    assert_same_bits(compute_features(change(windows, to_layout)), compute_features(windows))


def test_overlapping_views_of_a_session_are_windows_like_any_others(make_windows: MakeWindows) -> None:
    windows = make_windows(20, np.random.default_rng(1))

    def slide(array: Int64Array) -> Int64Array:
        return np.lib.stride_tricks.sliding_window_view(array.ravel(), WINDOW_SIZE)[::25]

    views = change(windows, slide)
    assert_same_bits(compute_features(views), compute_features(change(views, np.copy)))


def test_the_input_is_left_as_it_was(make_windows: MakeWindows) -> None:
    windows = make_windows(50, np.random.default_rng(2))
    before = change(windows, np.copy)
    compute_features(windows)
    for name in WINDOW_COLUMNS:
        np.testing.assert_array_equal(getattr(windows, name), getattr(before, name))
