"""How much an evaluation does: everything in minutes, or a small one for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from model.training.boosting import N_TREES
from model.training.training_run import Amounts


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is drawn and grown.

    Attributes
    ----------
    name : str
    trained, tested : Amounts
        Synthetic sessions that the model is trained on, and fresh ones that it is tested on.
    n_trees : int
        Of the model and of the plain classifier.
    most_folds : int
        Into how many parts the recordings are divided at most; the parts of `make_folds`, or some of them together.
    variant : Amounts
        Trained on by each variant of the ablation.
    variant_trees, variant_folds : int
        Of each variant, and of the models that do not know an exchange.
    shifted : Amounts
        Tested on for each factor of the rate and each jitter.
    n_each_channel : int
        Sessions of each channel alone and of each usual mix.
    n_switches : int
        Streams that become another venue's.
    long_lived : Amounts
        Clean sessions that false alerts are counted on.
    """

    name: str
    trained: Amounts
    tested: Amounts
    n_trees: int
    most_folds: int
    variant: Amounts
    variant_trees: int
    variant_folds: int
    shifted: Amounts
    n_each_channel: int
    n_switches: int
    long_lived: Amounts


FULL: Final = Effort(
    name="full",
    trained=Amounts(per_exchange=600, n_unknown_venues=1500, n_messages=700),
    tested=Amounts(per_exchange=200, n_unknown_venues=300, n_messages=700),
    n_trees=N_TREES,
    most_folds=100,
    variant=Amounts(per_exchange=200, n_unknown_venues=300, n_messages=500),
    variant_trees=360,
    variant_folds=3,
    shifted=Amounts(per_exchange=100, n_unknown_venues=0, n_messages=700),
    n_each_channel=12,
    n_switches=200,
    long_lived=Amounts(per_exchange=50, n_unknown_venues=0, n_messages=4000),
)

QUICK: Final = Effort(
    name="quick",
    trained=Amounts(per_exchange=36, n_unknown_venues=54, n_messages=400),
    tested=Amounts(per_exchange=20, n_unknown_venues=30, n_messages=500),
    n_trees=120,
    most_folds=3,
    variant=Amounts(per_exchange=15, n_unknown_venues=20, n_messages=300),
    variant_trees=40,
    variant_folds=2,
    shifted=Amounts(per_exchange=10, n_unknown_venues=0, n_messages=500),
    n_each_channel=2,
    n_switches=20,
    long_lived=Amounts(per_exchange=5, n_unknown_venues=0, n_messages=1500),
)
