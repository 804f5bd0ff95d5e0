"""What must not change a feature, does not: the time of day, the rate, the start of a count, the choice of ids."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from udfs.features import FEATURES, compute_features
from udfs.schema import MISSING, WINDOW_SIZE, Float64Array, Int64Array, Windows

INT64 = np.iinfo(np.int64)
DAY_NS = 86_400_000_000_000
YEAR_NS = 365 * DAY_NS
LEVELS = tuple(feature.name for feature in FEATURES if feature.unit == "log10(us)")
TICKS = ("arrival_tick_alignment", "instant")
TIMED = ("inter_arrival", "arrival_tick", "ack_latency", "nack_latency", "seq_is_clock")
CLOCK = ("seq_is_clock",)
WHOLE = ("venue_time_whole",)
ORDERED = ("seq_jump", "seq_backward", "bigram")
SIZES = ("payload_log10",)


def int64_columns(least: int, greatest: int) -> st.SearchStrategy[Int64Array]:
    return hnp.arrays(np.int64, (1, WINDOW_SIZE), elements=st.integers(least, greatest))


any_column = int64_columns(INT64.min, INT64.max) | int64_columns(-2, 5)
some_times_ns = int64_columns(0, 5).map(lambda gaps: np.cumsum(gaps * 7_000_000, axis=1)) | int64_columns(0, DAY_NS)
few_ids = int64_columns(0, 6).map(lambda ids: np.where(ids == 0, MISSING, ids))
types = int64_columns(0, 4)
windows = st.builds(
    Windows,
    recv_ts_ns=some_times_ns,
    exchange_ts_ns=few_ids,
    seq=int64_columns(0, 9),
    payload_bytes=int64_columns(1, 9),
    request_id=few_ids,
    msg_type=types,
)


def replace(base: Windows, **columns: Int64Array) -> Windows:
    return Windows(**{**vars(base), **columns})


def columns_of(rows: Float64Array, *parts: str, without: tuple[str, ...] = ()) -> Float64Array:
    chosen = [
        i
        for i, feature in enumerate(FEATURES)
        if any(part in feature.name for part in parts) and not any(part in feature.name for part in without)
    ]
    assert chosen
    return rows[:, chosen]


@given(
    recv_ts_ns=any_column,
    exchange_ts_ns=any_column,
    seq=any_column,
    request_id=any_column,
    msg_type=any_column,
    payload_bytes=any_column,
)
def test_anything_that_fits_int64_gives_finite_numbers_or_nan(**columns: Any) -> None:
    rows = compute_features(Windows(**columns))
    assert rows.shape == (1, len(FEATURES))
    assert not np.isinf(rows).any()


@given(base=windows, shift_ns=st.integers(-100 * YEAR_NS, 100 * YEAR_NS))
def test_the_time_of_day_changes_no_bit(base: Windows, shift_ns: int) -> None:
    rows, moved = compute_features(base), compute_features(replace(base, recv_ts_ns=base.recv_ts_ns + shift_ns))
    assert_array_equal(columns_of(moved, "_", without=CLOCK), columns_of(rows, "_", without=CLOCK))


@given(base=windows, factor=st.sampled_from([2, 3, 10, 1000]))
def test_the_rate_changes_levels_and_ticks_only(base: Windows, factor: int) -> None:
    slower = compute_features(replace(base, recv_ts_ns=base.recv_ts_ns * factor))
    rows = compute_features(base)
    assert_allclose(
        columns_of(slower, "_", without=(*LEVELS, *TICKS, *CLOCK, "burst")),
        columns_of(rows, "_", without=(*LEVELS, *TICKS, *CLOCK, "burst")),
        rtol=1e-9,
        atol=1e-12,
    )
    assert_array_equal(columns_of(slower, "burst"), columns_of(rows, "burst"))
    assert_allclose(columns_of(slower, *LEVELS), columns_of(rows, *LEVELS) + np.log10(factor), atol=1e-12)


@given(base=windows, times_ns=any_column)
def test_types_answers_and_sequence_do_not_depend_on_time(base: Windows, times_ns: Int64Array) -> None:
    other = compute_features(replace(base, recv_ts_ns=times_ns))
    assert_array_equal(columns_of(other, "_", without=TIMED), columns_of(compute_features(base), "_", without=TIMED))


@given(base=windows, shift_ns=st.integers(-(2**62), 2**62))
def test_the_venues_clock_changes_its_resolution_only(base: Windows, shift_ns: int) -> None:
    moved = np.where(base.exchange_ts_ns == MISSING, MISSING, base.exchange_ts_ns + shift_ns)
    rows, shifted = compute_features(base), compute_features(replace(base, exchange_ts_ns=moved))
    assert_array_equal(columns_of(shifted, "_", without=WHOLE), columns_of(rows, "_", without=WHOLE))


@given(base=windows, shift_s=st.integers(-(10**9), 10**9))
def test_the_second_of_the_venues_clock_changes_no_bit(base: Windows, shift_s: int) -> None:
    times_ns = np.where(base.exchange_ts_ns == MISSING, MISSING, base.exchange_ts_ns * 250_000)
    moved = np.where(times_ns == MISSING, MISSING, times_ns + shift_s * 10**9)
    assert_array_equal(
        compute_features(replace(base, exchange_ts_ns=moved)), compute_features(replace(base, exchange_ts_ns=times_ns))
    )


@given(base=windows, longer=st.integers(1, 1000))
def test_longer_names_change_levels_of_sizes_only(base: Windows, longer: int) -> None:
    rows = compute_features(base)
    other = compute_features(replace(base, payload_bytes=base.payload_bytes + longer))
    assert_array_equal(columns_of(other, "_", without=SIZES), columns_of(rows, "_", without=SIZES))
    assert (columns_of(other, *SIZES) > columns_of(rows, *SIZES)).all()


@given(base=windows, order=st.permutations(range(WINDOW_SIZE)))
def test_sizes_and_the_set_of_numbers_have_no_order(base: Windows, order: list[int]) -> None:
    shuffled = replace(base, seq=base.seq[:, order], payload_bytes=base.payload_bytes[:, order])
    assert_array_equal(
        columns_of(compute_features(shuffled), "_", without=ORDERED),
        columns_of(compute_features(base), "_", without=ORDERED),
    )


@given(base=windows, shift=st.integers(-(2**62), 2**62))
def test_where_a_sequence_starts_changes_no_bit(base: Windows, shift: int) -> None:
    rows, moved = compute_features(base), compute_features(replace(base, seq=base.seq + shift))
    assert_array_equal(columns_of(moved, "_", without=CLOCK), columns_of(rows, "_", without=CLOCK))


@given(base=windows, names=st.permutations(range(7)), offset=st.integers(0, 2**62))
def test_request_ids_are_names_only(base: Windows, names: list[int], offset: int) -> None:
    renamed = np.array(names)[np.maximum(base.request_id, 0)] * 1_000_003 + offset
    other = replace(base, request_id=np.where(base.request_id == MISSING, MISSING, renamed))
    assert_allclose(compute_features(other), compute_features(base), rtol=1e-12)


@given(base=windows)
def test_a_row_is_the_same_alone_and_between_others(base: Windows) -> None:
    rng = np.random.default_rng(0)
    others = {name: rng.integers(0, 5, (3, WINDOW_SIZE)) for name in vars(base)}
    batch = Windows(**{name: np.concatenate([o[:1], getattr(base, name), o[1:]]) for name, o in others.items()})
    assert compute_features(batch)[1].tobytes() == compute_features(base)[0].tobytes()


@given(base=windows)
def test_what_has_no_words_for_an_undefined_value_is_always_defined(base: Windows) -> None:
    silent = [i for i, feature in enumerate(FEATURES) if not feature.phrase.absent]
    assert silent
    assert not np.isnan(compute_features(base)[:, silent]).any()


@pytest.mark.parametrize("value", [0, MISSING, INT64.max])
@given(data=st.data())
def test_a_constant_column_is_harmless(value: int, data: st.DataObject) -> None:
    base = data.draw(windows)
    name = data.draw(st.sampled_from(sorted(vars(base))))
    rows = compute_features(replace(base, **{name: np.full((1, WINDOW_SIZE), value)}))
    assert not np.isinf(rows).any()
