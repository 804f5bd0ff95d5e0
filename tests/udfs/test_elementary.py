"""Elementary functions against decimal arithmetic, and the results of the job against those of other processors."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

import udfs
from udfs.elementary import decimal_logarithm, exponential, natural_logarithm
from udfs.schema import Float64Array

# NumPy computes these by code that it chooses by the processor.
CHOSEN_BY_PROCESSOR = (
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "logaddexp2"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh"),
    *("arcsinh", "arccosh", "arctanh", "cbrt", "power", "float_power", "pow", "hypot", "einsum", "dot", "fft"),
)
SCORED = Path(__file__).with_name("hash_scores.py")


def largest_error_ulp(found: Float64Array, exact: list[Decimal]) -> float:
    units = np.spacing(np.abs(found)).tolist()
    return max(
        float(abs(Decimal(value) - wanted) / Decimal(unit))
        for value, wanted, unit in zip(found.tolist(), exact, units, strict=True)
    )


@pytest.fixture
def positive() -> Float64Array:
    rng = np.random.default_rng(1)
    around_1 = 1 + rng.uniform(-1e-3, 1e-3, 500)
    return np.concatenate([np.exp(rng.uniform(-690, 700, 500)), np.exp(rng.uniform(-3, 3, 500)), around_1])


def test_logarithms_are_near_those_of_fifty_digits(positive: Float64Array) -> None:
    with localcontext(prec=50):
        numbers = [Decimal(number) for number in positive.tolist()]
        natural = largest_error_ulp(natural_logarithm(positive), [number.ln() for number in numbers])
        decimal = largest_error_ulp(decimal_logarithm(positive), [number.log10() for number in numbers])
    assert natural < 1
    assert decimal < 2


def test_exponentials_are_near_those_of_fifty_digits() -> None:
    x = np.random.default_rng(2).uniform(-700, 700, 1000)
    with localcontext(prec=50):
        error = largest_error_ulp(exponential(x), [Decimal(power).exp() for power in x.tolist()])
    assert error < 1


def test_logarithms_of_one_and_of_nothing() -> None:
    assert natural_logarithm(np.array([1.0])).tolist() == [0.0]
    assert np.isnan(decimal_logarithm(np.array([np.nan]))).all()
    assert exponential(np.array([-1e9, -701.0])).tolist() == exponential(np.array([-700.0, -700.0])).tolist()


def test_a_millionth_is_told_from_its_neighbours_in_whole_millinats() -> None:
    """No probability of six decimals has a logarithm so near the middle that a unit in the last place matters."""
    probabilities = np.arange(1, 10**6 + 1) / 10**6
    millinats = 1000 * natural_logarithm(probabilities)
    from_middle = np.abs(np.abs(millinats - np.rint(millinats)) - 0.5)
    assert from_middle.min() > 1e-7


def test_scores_do_not_depend_on_what_the_processor_can_do() -> None:
    """NumPy and the system's library can be told to compute as on a poorer processor."""
    poorer = {
        "NPY_DISABLE_CPU_FEATURES": " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name]),
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-FMA,-FMA4,-AVX,-AVX2_Usable,-FMA_Usable",
    }
    assert _hashes({}) == _hashes(poorer)


def _hashes(environment: dict[str, str]) -> list[str]:
    ran = subprocess.run(
        [sys.executable, SCORED], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    ours = ran.stdout.split()
    assert len(ours) == 3
    return ours


def test_nothing_that_the_processor_chooses_is_called() -> None:
    """The job's Python, all of it: the fastest processors' code is not on every machine that runs this test."""
    found = [
        f"{path.name}:{node.lineno} {ast.unparse(node)}"
        for path in sorted(Path(udfs.__file__).parent.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("np", "math")
        and node.attr in CHOSEN_BY_PROCESSOR
    ]
    assert not found
