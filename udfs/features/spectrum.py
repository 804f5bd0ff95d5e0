"""The spectrum of the intervals between messages: which repeating patterns the rhythm has, whatever the rate."""

from __future__ import annotations

from typing import Final

import numpy as np

from udfs.features.feature import Feature, FeatureBlock, ratios
from udfs.features.inter_arrival import FAMILY, inter_arrival_ns
from udfs.schema import Float64Array, Windows

N_FFT: Final = 64
N_BINS: Final = 20


def inter_arrival_power_shares(intervals_ns: Float64Array) -> Float64Array:
    """Measure how the variation of the intervals is spread over frequencies.

    Parameters
    ----------
    intervals_ns : (n_windows, n) float64
        In arrival order, ns, n at most `N_FFT`.

    Returns
    -------
    (n_windows, N_BINS) float64
        Column k - 1 is the power of bin k, patterns that repeat every 64/k messages, as a share of the power of bins 1
        to 32: ``|F[k]|**2 / sum(|F[1:33]|**2)`` with F the real Fourier transform of the mean-removed intervals, padded
        by zeros to `N_FFT`; no taper, no doubling of the inner bins. 0 to 1. NaN where all intervals are equal.

    Notes
    -----
    Source: Schuster's periodogram (1898); transform by NumPy (pocketfft). A division by the mean interval would cancel
    out in the shares, and is left out. Bin 0 is what rounding leaves of the removed mean, and is not counted. The
    smallest interval is subtracted first, so that equal intervals give no power, exactly.

    Examples
    --------
    Two unequal intervals are ``(-1, 1)`` but for the scale, with ``|F[k]|**2 = 2 - 2 cos(2 pi k / 64)``,
    which over bins 1 to 32 sums to 66:

    >>> shares = inter_arrival_power_shares(np.array([[1.0, 3.0]]))
    >>> bool(np.isclose(shares[0, 15], (2 - 2 * np.cos(np.pi / 2)) / 66))
    True
    """
    above_least_ns = intervals_ns - intervals_ns.min(axis=1, keepdims=True)
    means_ns = above_least_ns.sum(axis=1, keepdims=True) / intervals_ns.shape[1]
    spectra = np.fft.rfft(above_least_ns - means_ns, n=N_FFT, axis=1)[:, 1:]
    powers = spectra.real * spectra.real + spectra.imag * spectra.imag
    return ratios(powers[:, :N_BINS], powers.sum(axis=1, keepdims=True))


def spectrum_features(windows: Windows) -> Float64Array:
    """Compute this module's 20 columns, (n_windows, 20) float64, in the order of `SPECTRUM.features`."""
    return inter_arrival_power_shares(inter_arrival_ns(windows.recv_ts_ns))


SPECTRUM: Final = FeatureBlock(
    name="spectrum",
    features=tuple(
        Feature(
            f"inter_arrival_spectrum_{bin_:02d}_share",
            FAMILY,
            "share",
            f"Share of the rhythm's variation that repeats every {N_FFT / bin_:.3g} messages",
        )
        for bin_ in range(1, N_BINS + 1)
    ),
    compute=spectrum_features,
)
