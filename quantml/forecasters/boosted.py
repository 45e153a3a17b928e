"""Gradient-boosted trees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.errors import ForecastError, check, is_finite, is_whole
from quantml.forecasters.base import Question, Train
from quantml.forecasters.tabular import Tabular, check_target, window
from quantml.validation.splits.purge import is_known

__all__ = ["LightGBM"]

HELD = 5
"""Of how many dates one validates in early stopping."""


@dataclass(frozen=True)
class LightGBM(Tabular):
    """Gradient-boosted trees by LightGBM: log loss for probabilities and classes, squared error for numbers.

    For a target of three classes it learns the probability of each, with one tree a class in every round, and forecasts
    the expected class: the probability of a rise less that of a fall.

    It runs on one thread, deterministically and row-wise, with the fit's seed, so that equal data give equal bytes.
    NaN features are kept, as LightGBM's missing values. Parameters carry the names of LightGBM's scikit-learn
    interface, and its defaults but for `n_estimators` and `learning_rate`.

    Parameters
    ----------
    n_estimators : int
        Rounds of boosting, at least 1; a round grows one tree, or one for each class.
    learning_rate : float
        Shrinkage of each tree, above 0.
    num_leaves : int
        Most leaves of a tree, at least 2.
    max_depth : int
        Most levels of a tree; -1 for no limit.
    min_child_samples : int
        Fewest training rows in a leaf, at least 1. Training takes twice as many rows, or no tree could split.
    min_child_weight : float
        Smallest sum of second derivatives in a leaf, at least 0.
    min_split_gain : float
        Smallest gain of a split, at least 0, in the target's unit squared.
    subsample : float
        Share of the rows that each tree sees, drawn anew for each; above 0, at most 1.
    colsample_bytree : float
        Share of the features that each tree sees; above 0, at most 1.
    reg_alpha, reg_lambda : float
        L1 and L2 penalties of leaf values, at least 0.
    max_bin : int
        Most bins of a feature, at least 2.
    early_stopping : int, optional
        Find the number of rounds: the last fifth of the training dates validates, and what comes before it trains,
        purged like any fold (rows whose label is not known at the first of these dates are left out). Boosting stops
        once the validation loss has not fallen for so many rounds, at `n_estimators` at the latest. All training rows
        are then fitted with the number of rounds that lost least, since the newest rows are not to be wasted. The
        validation rows are the fit's own training rows: a block on which tuning scores candidates is never among them,
        nor does ``WalkForward(validation=...)`` choose them.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    n_estimators: int = 200
    learning_rate: float = 0.05
    num_leaves: int = 31
    max_depth: int = -1
    min_child_samples: int = 20
    min_child_weight: float = 1e-3
    min_split_gain: float = 0.0
    subsample: float = 1.0
    colsample_bytree: float = 1.0
    reg_alpha: float = 0.0
    reg_lambda: float = 0.0
    max_bin: int = 255
    early_stopping: int | None = None

    accepts_missing: ClassVar[bool] = True
    row_by_row: ClassVar[bool] = True

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        for name, least in {"n_estimators": 1, "num_leaves": 2, "min_child_samples": 1, "max_bin": 2}.items():
            self._check(name, is_whole, least, np.inf, f"be a whole number of at least {least}")
        for name in ("min_child_weight", "min_split_gain", "reg_alpha", "reg_lambda"):
            self._check(name, is_finite, 0.0, np.inf, "be a finite number of at least 0")
        for name in ("subsample", "colsample_bytree"):
            self._check(name, is_finite, np.nextafter(0.0, 1.0), 1.0, "be above 0 and at most 1")
        self._check("learning_rate", is_finite, np.nextafter(0.0, 1.0), np.inf, "be a finite number above 0")
        if self.early_stopping is not None:
            self._check("early_stopping", is_whole, 1, np.inf, "be None or a whole number of at least 1")
        if self.max_depth != -1:
            self._check("max_depth", is_whole, 1, np.inf, "be -1 or a whole number of at least 1")

    def _check(self, name: str, is_kind: Callable[[Any], bool], low: float, high: float, must: str) -> None:
        value = getattr(self, name)
        check(is_kind(value) and low <= value <= high, f"LightGBM.{name}", must, value)

    def check_question(self, question: Question) -> None:
        """Accept every question."""

    def least_rows(self, features: int) -> int:
        """Return how many rows it needs for a tree to split."""
        return 2 * self.min_child_samples

    def learn(self, rows: Train) -> Booster | ClassBooster:
        """Grow the trees."""
        import lightgbm

        least = self.least_rows(len(rows.names))
        if len(rows.y) < least:
            must = f"have {least} training rows or more, 2 x min_child_samples, or no tree can split"
            hint = "Lengthen train, or lower min_child_samples."
            raise ForecastError("LightGBM", must=must, got=len(rows.y), where=window(rows), hint=hint)
        parameters, classes = self.parameters(rows), np.unique(rows.y)
        rounds = self.n_estimators if self.early_stopping is None else self._rounds(rows, parameters)
        # Without keep_training_booster the model would be written out as text and parsed again.
        booster = lightgbm.train(parameters, _dataset(rows, classes, parameters), rounds, keep_training_booster=True)
        return ClassBooster(booster, classes) if rows.question.kind == "class" else Booster(booster)

    def _rounds(self, rows: Train, parameters: dict[str, Any]) -> int:
        """Find the number of rounds that loses least on the last dates, trained on what is known before them."""
        import lightgbm

        assert self.early_stopping is not None
        before, after = self._held_out(rows)
        classes = np.unique(rows.y)
        data = _dataset(before, classes, parameters)
        held = lightgbm.Dataset(after.x, _label(after, classes), reference=data, weight=after.weight, params=parameters)
        stop = lightgbm.early_stopping(self.early_stopping, verbose=False)
        stopped = lightgbm.train(
            parameters, data, self.n_estimators, [held], callbacks=[stop], keep_training_booster=True
        )
        return int(stopped.best_iteration)

    def _held_out(self, rows: Train) -> tuple[Train, Train]:
        """Cut the rows into those that train and those of the last dates, purged at the first of these."""
        dates = np.unique(rows.time)
        first = int(dates[len(dates) - max(1, len(dates) // HELD)])
        before = rows.where(is_known(rows.label_end, first, rows.embargo) & (rows.time < first))
        least = 2 * self.min_child_samples
        if len(before.y) < least:
            must = (
                f"have {least} rows or more, 2 x min_child_samples, before the dates that early stopping validates on"
            )
            short = f"{least - len(before.y)} too few"
            hint = f"That is {short}: lengthen train, lower min_child_samples, or leave early_stopping out."
            raise ForecastError("LightGBM", must=must, got=len(before.y), where=window(rows), hint=hint)
        check_target("LightGBM, before the rows that early stopping validates on,", before)
        return before, rows.where(rows.time >= first)

    def parameters(self, rows: Train) -> dict[str, Any]:
        """Return the parameters under LightGBM's own names, as passed to ``lightgbm.train`` for these rows."""
        return {
            **_objective(rows),
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "max_depth": self.max_depth,
            "min_data_in_leaf": self.min_child_samples,
            "min_sum_hessian_in_leaf": self.min_child_weight,
            "min_gain_to_split": self.min_split_gain,
            "bagging_fraction": self.subsample,
            "bagging_freq": 1 if self.subsample < 1.0 else 0,
            "feature_fraction": self.colsample_bytree,
            "lambda_l1": self.reg_alpha,
            "lambda_l2": self.reg_lambda,
            "max_bin": self.max_bin,
            "seed": rows.integers(1)[0],
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }


@dataclass(frozen=True, eq=False)
class Booster:
    """Grown trees: a ``lightgbm.Booster``."""

    booster: Any

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum the trees' leaves for each row, on one thread."""
        return np.asarray(self.booster.predict(x, num_threads=1), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class ClassBooster(ReadOnly):
    """Grown trees of each class of `classes`, in ascending order: a ``lightgbm.Booster``."""

    booster: Any
    classes: NDArray[np.float64]

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean of the classes, each as likely as its trees say, on one thread."""
        shares = np.asarray(self.booster.predict(x, num_threads=1), dtype=np.float64)
        return np.asarray((shares * self.classes).sum(axis=1), dtype=np.float64)


def _label(rows: Train, classes: NDArray[np.float64]) -> NDArray[Any]:
    """Return the target, or the number of each row's class."""
    return np.searchsorted(classes, rows.y) if rows.question.kind == "class" else rows.y


def _dataset(rows: Train, classes: NDArray[np.float64], parameters: dict[str, Any]) -> Any:
    import lightgbm

    return lightgbm.Dataset(rows.x, label=_label(rows, classes), weight=rows.weight, params=parameters)


def _objective(rows: Train) -> dict[str, Any]:
    if rows.question.kind == "class":
        return {"objective": "multiclass", "num_class": len(np.unique(rows.y))}
    return {"objective": "binary" if rows.question.is_binary else "regression"}
