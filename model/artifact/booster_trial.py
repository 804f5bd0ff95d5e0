"""Tries a booster that nobody vouches for, in a process of its own: it may crash, hang, or take all memory.

XGBoost trusts what it reads: a changed byte makes it read, while loading, scoring or explaining, where nothing is. So
`model.artifact.booster_border` starts this with the booster on standard input. It ends with 0 if the booster is sound,
or with `UNSOUND` and what was found on standard output.

A sound booster is one that XGBoost loads, writes again byte by byte as it was, and whose trees are trees over the
features, as training makes them. That leaves nothing to chance, as scoring some windows would: a split that leads
nowhere shows only to a window that comes by.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any, Final, NoReturn

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

UNSOUND: Final = 3

MAX_TREE_DEPTH: Final = 32  # training grows 5; explaining recurses so deep

_MEMORY_BYTES: Final = 3 * 2**30
_CPU_S: Final = 40
_MAX_LEAF: Final = 1e6
"""A margin adds up thousands of leaves in single precision, and must stay finite."""

_BEGIN: Final = b"{L"
"""Of the binary JSON that `save_model` writes; XGBoost would also read other formats."""

_ROOT_PARENT: Final = 2**31 - 1
_EMPTY: Final = ("categories", "categories_nodes", "categories_segments", "categories_sizes")
_BY_NODE: Final = (
    *("base_weights", "default_left", "left_children", "loss_changes", "parents", "right_children"),
    *("split_conditions", "split_indices", "split_type", "sum_hessian"),
)


class Unsound(Exception):
    """What was found of a booster that must not be used; ends the sentence "found ..."."""


def main() -> None:
    """Try the booster on standard input; the arguments are its numbers of features and of classes."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    n_features, n_classes = map(int, sys.argv[1:])
    try:
        check_booster(sys.stdin.buffer.read(), n_features, n_classes)
    except Unsound as error:
        sys.stdout.write(str(error))
        sys.exit(UNSOUND)


def check_booster(raw: bytes, n_features: int, n_classes: int) -> None:
    """Load a booster, look at its trees, and let it score and explain.

    Raises
    ------
    Unsound
        If it is not as training makes them. A booster that is made to may end the process instead.
    """
    if not raw.startswith(_BEGIN):
        _refuse("that XGBoost cannot read it as the binary JSON that it writes")
    try:
        booster = xgb.Booster(model_file=bytearray(raw))
    except (xgb.core.XGBoostError, ValueError) as error:
        raise Unsound("that XGBoost cannot read it") from error
    if bytes(booster.save_raw("ubj")) != raw:
        _refuse("a file that XGBoost would write otherwise")
    try:
        learner = json.loads(bytes(booster.save_raw("json")), parse_constant=_refuse)["learner"]
        _check_learner(learner, n_features, n_classes)
        check_trees(learner["gradient_booster"]["model"]["trees"], n_features)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise Unsound(f"parts of it missing or of another form ({error})") from error
    _check_scores(booster, n_features, n_classes)


def _refuse(found: str) -> NoReturn:
    raise Unsound(found)


def _check_learner(learner: dict[str, Any], n_features: int, n_classes: int) -> None:
    stated, gradient, objective = (learner[k] for k in ("learner_model_param", "gradient_booster", "objective"))
    model = gradient["model"]
    if (gradient["name"], objective["name"]) != ("gbtree", "multi:softprob"):
        _refuse("no trees for probabilities of several classes")
    if int(stated["num_feature"]) != n_features:
        _refuse(f"one of {int(stated['num_feature'])} features")
    counts = {int(stated["num_class"]), int(objective["softmax_multiclass_param"]["num_class"])}
    if counts != {n_classes} or int(stated["num_target"]) != 1:
        _refuse(f"{min(counts - {n_classes}, default=n_classes)} classes")
    scores = json.loads(stated["base_score"], parse_constant=_refuse)
    scores = scores if isinstance(scores, list) else [scores]
    if len(scores) not in (1, n_classes) or not (np.abs(np.array(scores, dtype=np.float64)) <= _MAX_LEAF).all():
        _refuse("beginnings of the margins that are not one a class")
    n_trees = len(model["trees"])
    of_trees = model["gbtree_model_param"]
    if (int(of_trees["num_trees"]), int(of_trees["num_parallel_tree"])) != (n_trees, 1) or n_trees % n_classes:
        _refuse("other numbers of trees than it states")
    in_turn = np.tile(np.arange(n_classes), n_trees // n_classes)
    if not np.array_equal(model["tree_info"], in_turn):
        _refuse("trees that are not of each class in turn")
    if model["iteration_indptr"] != list(range(0, n_trees + 1, n_classes)):
        _refuse("rounds that are not a tree a class")
    if any(model["cats"].values()):
        _refuse("categories, which no feature has")


def check_trees(trees: list[dict[str, Any]], n_features: int) -> None:
    """Refuse arrays of other lengths, splits over no feature, numbers that are none, and nodes that make no tree.

    Raises
    ------
    Unsound
        In words.
    """
    sizes = [int(tree["tree_param"]["num_nodes"]) for tree in trees]
    for number, (tree, size) in enumerate(zip(trees, sizes, strict=True)):
        stated = tree["tree_param"]
        if (int(stated["num_feature"]), int(stated["size_leaf_vector"])) not in ((n_features, 0), (n_features, 1)):
            _refuse(f"tree {number} over other features or with several leaves in one")
        if size < 1 or int(stated["num_deleted"]) or tree["id"] != number or any(len(tree[name]) for name in _EMPTY):
            _refuse(f"tree {number} with deleted nodes, categories, or another number")
        if any(len(tree[name]) != size for name in _BY_NODE):
            _refuse(f"tree {number} with arrays of other lengths than its {size} nodes")
    if not trees:
        return
    columns = {name: np.concatenate([np.asarray(tree[name]) for tree in trees]) for name in _BY_NODE}
    _check_numbers(columns, n_features)
    _check_shape(columns, np.array(sizes, dtype=np.int64))


def _check_numbers(columns: dict[str, NDArray[Any]], n_features: int) -> None:
    splits = columns["split_indices"]
    if splits.min() < 0 or splits.max() >= n_features:
        _refuse("a split over a feature that does not exist")
    if columns["split_type"].any() or not np.isin(columns["default_left"], (0, 1)).all():
        _refuse("a split of another kind than ours")
    leaves = columns["left_children"] == -1
    for name in ("base_weights", "split_conditions", "sum_hessian"):
        if not np.isfinite(columns[name]).all():
            _refuse("numbers that are none")
    if (np.abs(columns["split_conditions"][leaves]) > _MAX_LEAF).any() or (columns["sum_hessian"] <= 0).any():
        _refuse("leaves too large, or nodes that nothing came by")


def _check_shape(columns: dict[str, NDArray[Any]], sizes: NDArray[np.int64]) -> None:
    """Walk all trees at once, level by level: whoever comes by a node twice has found a circle."""
    begins = np.repeat(np.cumsum(sizes) - sizes, sizes)
    left, right, parents = (columns[name].astype(np.int64) for name in ("left_children", "right_children", "parents"))
    has_children, inside = left != -1, np.repeat(sizes, sizes)
    if ((right != -1) != has_children).any():
        _refuse("a node with one child")
    for children in (left[has_children], right[has_children]):
        if ((children < 1) | (children >= inside[has_children])).any():
            _refuse("a node whose child does not exist")
    level, n_seen, depth = np.cumsum(sizes) - sizes, 0, 0
    if (parents[level] != _ROOT_PARENT).any():
        _refuse("a root with a parent")
    seen = np.zeros(len(left), dtype=np.int64)
    while len(level):
        if depth > MAX_TREE_DEPTH:
            _refuse(f"trees deeper than {MAX_TREE_DEPTH}, or circles in them")
        np.add.at(seen, level, 1)
        n_seen, depth = n_seen + len(level), depth + 1
        above = level[has_children[level]]
        level = np.concatenate([begins[above] + left[above], begins[above] + right[above]])
        if len(level) > len(left) or (parents[level] != np.tile(above - begins[above], 2)).any():
            _refuse("a node that its parent does not know")
    if n_seen != len(left) or (seen != 1).any():
        _refuse("nodes that are no tree")


def _check_scores(booster: xgb.Booster, n_features: int, n_classes: int) -> None:
    """Score and explain nothing, zeros and some numbers."""
    booster.set_param({"nthread": 1})
    features = np.random.default_rng(0).standard_normal((8, n_features))
    features[0], features[1] = np.nan, 0.0
    try:
        probabilities = booster.inplace_predict(features)
        matrix = xgb.DMatrix(features, feature_names=booster.feature_names, nthread=1)
        contributions = booster.predict(matrix, pred_contribs=True, strict_shape=True)
    except (xgb.core.XGBoostError, ValueError) as error:
        raise Unsound("that XGBoost cannot score with it") from error
    if probabilities.shape != (8, n_classes) or not np.allclose(probabilities.sum(axis=1), 1, atol=1e-4):
        _refuse("probabilities of other classes")
    if contributions.shape != (8, n_classes, n_features + 1) or not np.isfinite(contributions).all():
        _refuse("explanations that are no numbers")


if __name__ == "__main__":
    main()
