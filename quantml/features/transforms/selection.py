"""Transforms that keep some of the columns: those that say most about the target on the training rows.

Training rows with NaN take no part in the choice; put `Impute` first to have them all. Columns stay in their order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from quantml.errors import FeatureError, ParameterError, check
from quantml.features.own_bars import check_count
from quantml.features.transforms.base import Matrix, complete_rows, is_constant, only, place, standardised
from quantml.features.transforms.cloning import fitted_clone, labels
from quantml.space import Declaration
from quantml.validation.splits import Fold, inner_folds, is_known

if TYPE_CHECKING:
    from quantml.forecasters.base import Test, Train

    Rows = TypeVar("Rows", Train, Test)

__all__ = [
    "FTest",
    "FittedSelection",
    "MutualInformation",
    "Score",
    "SelectLasso",
    "SelectPermutation",
    "SelectRecursive",
    "SelectUnivariate",
]


@dataclass(frozen=True, eq=False)
class FittedSelection:
    """The columns to keep, and what every column scored in training.

    Attributes
    ----------
    label : str
        What error messages call the transform.
    names : tuple of str
        Those kept, in their order.
    scores : mapping of str to float
        By column; larger is better.
    """

    label: str
    names: tuple[str, ...]
    scores: dict[str, float]

    def transform(self, rows: Rows) -> Rows:
        """Keep the columns."""
        return only(rows, self.names, self.label)


@dataclass(frozen=True)
class Selection(Declaration, ABC):
    """Base of the selectors: write `score`, and which columns are `kept` by their scores."""

    @abstractmethod
    def score(self, rows: Train) -> Matrix:
        """Score the columns of training rows without NaN and with a target that varies; larger is better."""

    @abstractmethod
    def kept(self, scores: Matrix) -> NDArray[np.int64]:
        """Return positions of the columns to keep."""

    def fit(self, train: Train) -> FittedSelection:
        """Choose the columns.

        Raises
        ------
        FeatureError
            If there are no rows without NaN, the target is constant, or there are too few columns or rows.
        """
        label = type(self).__name__
        rows = complete_rows(label, train, None)
        if np.ptp(rows.y) == 0.0:
            raise FeatureError(label, must="see a target that varies in training", got=f"a constant {rows.y[0]:.6g}",
                               where=place(rows))  # fmt: skip
        scores = self.score(rows)
        kept = tuple(rows.names[i] for i in np.sort(self.kept(scores)))
        return FittedSelection(label, kept, dict(zip(rows.names, scores.tolist(), strict=True)))


@dataclass(frozen=True)
class Best(Selection):
    """Base of the selectors that keep a number of columns with the best scores; of equal ones, the first."""

    keep: int

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_count(self, "keep", 1)

    def kept(self, scores: Matrix) -> NDArray[np.int64]:
        """Return the best columns; `FeatureError` if there are fewer than to keep."""
        if self.keep > len(scores):
            subject = f"{type(self).__name__}.keep"
            raise FeatureError(subject, must=f"be at most {len(scores)}, the number of features", got=self.keep)
        return np.asarray(np.argsort(-scores, kind="stable")[: self.keep], dtype=np.int64)


class Score(Protocol):
    """A number for each column that says how much it tells of the target by itself."""

    def of(self, rows: Train) -> Matrix:
        """Return it for training rows without NaN; larger is better."""
        ...


@dataclass(frozen=True)
class FTest(Declaration):
    """The F statistic: of a regression of the target on the column, or of the column's means by class."""

    def of(self, rows: Train) -> Matrix:
        """Return scikit-learn's ``f_regression`` or, for a direction or classes, ``f_classif``; 0 for a constant."""
        from sklearn.feature_selection import f_classif, f_regression

        return _of_varying(f_classif if rows.question.is_class else f_regression, rows)


@dataclass(frozen=True)
class MutualInformation(Declaration):
    """The mutual information of column and target, in nats, estimated from nearest neighbours.

    Parameters
    ----------
    neighbours : int
        At least 1; more have less variance and more bias.

    References
    ----------
    Kraskov, Stögbauer and Grassberger (2004), Physical Review E 69, 066138; Ross (2014), PLoS ONE 9(2), e87357.
    """

    neighbours: int = 3

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_count(self, "neighbours", 1)

    def of(self, rows: Train) -> Matrix:
        """Return scikit-learn's ``mutual_info_regression`` or ``mutual_info_classif``; 0 for a constant."""
        from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

        if len(rows.y) <= self.neighbours:
            raise FeatureError("MutualInformation", must=f"have more rows than its {self.neighbours} neighbours",
                               got=len(rows.y), where=place(rows))  # fmt: skip
        estimate = mutual_info_classif if rows.question.is_class else mutual_info_regression
        seed = rows.integers(1)[0]
        return _of_varying(
            lambda x, y: (estimate(x, y, n_neighbors=self.neighbours, random_state=seed, n_jobs=1),), rows
        )


@dataclass(frozen=True)
class SelectUnivariate(Best):
    """Keep the columns that tell most of the target, each looked at by itself.

    Parameters
    ----------
    keep : int
        How many to keep, at least 1.
    by : Score
        ``FTest()`` or ``MutualInformation()``.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    by: Score = FTest()

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        if isinstance(self.by, type) or not callable(getattr(self.by, "of", None)):
            hint = "Write FTest() or MutualInformation()."
            raise ParameterError("SelectUnivariate.by", must="be a score", got=self.by, hint=hint)

    def score(self, rows: Train) -> Matrix:
        """Score each column by itself."""
        return self.by.of(rows)


@dataclass(frozen=True)
class SelectLasso(Selection):
    r"""Keep the columns whose coefficient in a Lasso regression is not zero.

    Columns and target are standardised over the training rows; a direction is the number 0 or 1. The penalty is a
    share of :math:`\max_j |x_j' y| / n`, the smallest that keeps no column, so that it means the same for any number
    of rows and any unit, and at least one column is kept (Friedman, Hastie and Tibshirani 2010, Journal of
    Statistical Software 33(1), section 2.5).

    Parameters
    ----------
    penalty : float
        Between 0 and 1; the larger, the fewer columns.

    Raises
    ------
    ParameterError
        If `penalty` is out of range.
    """

    penalty: float

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        holds = isinstance(self.penalty, (float, np.floating)) and 0.0 < self.penalty < 1.0
        check(holds, "SelectLasso.penalty", "be between 0.0 and 1.0", self.penalty)

    def score(self, rows: Train) -> Matrix:
        """Return the size of each coefficient; `FeatureError` if no column goes with the target at all."""
        from sklearn.linear_model import Lasso

        x, y = standardised(rows.x), standardised(rows.y[:, None])[:, 0]
        together = np.abs(x.T @ y) / len(y)
        most = together.max()
        if most == 0.0:
            raise FeatureError("SelectLasso", must="have a column that goes with the target", got="none",
                               where=place(rows))  # fmt: skip
        model = Lasso(alpha=self.penalty * most, fit_intercept=False, max_iter=100_000, tol=1e-6)
        size = np.asarray(np.abs(model.fit(x, y).coef_), dtype=np.float64)
        if not size.any():  # the solution just below the largest penalty is within the solver's tolerance of none
            size[together.argmax()] = (1.0 - self.penalty) * most
        return size

    def kept(self, scores: Matrix) -> NDArray[np.int64]:
        """Return the columns with a coefficient."""
        return np.flatnonzero(scores)


@dataclass(frozen=True)
class SelectRecursive(Best):
    """Fit an estimator again and again, leaving out the column of least weight each time (``sklearn``'s ``RFE``).

    Weights are the squares of the estimator's ``coef_``, or its ``feature_importances_``. Put `Standardise` before it
    where coefficients of different units would be compared. The estimator is cloned, its unset random states are
    set from the fit's seed.

    Parameters
    ----------
    keep : int
        How many to keep, at least 1.
    estimator : scikit-learn estimator
        A classifier for a direction or classes, a regressor for numbers.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Guyon, Weston, Barnhill and Vapnik (2002), Machine Learning 46, 389-422.
    """

    estimator: Any

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        check_estimator("SelectRecursive.estimator", self.estimator)

    def score(self, rows: Train) -> Matrix:
        """Return 0 for the columns left at the end, and less for each the earlier it was left out."""
        from sklearn.feature_selection import RFE

        keep = min(self.keep, rows.x.shape[1])
        selector = fitted_clone(RFE(self.estimator, n_features_to_select=keep), rows)
        return np.asarray(1.0 - selector.ranking_, dtype=np.float64)


@dataclass(frozen=True)
class SelectPermutation(Best):
    """Keep the columns whose shuffling harms an estimator most, on later rows that it was not fitted to.

    The training rows are cut into inner folds as a study's tuning cuts them: the first half of the decisions only
    trains, the second is cut into so many blocks, and for each the estimator is fitted to those rows before it whose
    labels end at or before its first decision. The harm is the fall of the estimator's own ``score``, averaged over
    the blocks. The estimator is cloned, its unset random states are set from the fit's seed.

    Parameters
    ----------
    keep : int
        How many to keep, at least 1.
    estimator : scikit-learn estimator
        A classifier for a direction or classes, a regressor for numbers.
    folds : int
        Inner folds, at least 1.
    repeats : int
        Shuffles averaged for each column in each fold, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Breiman (2001), Machine Learning 45, 5-32, section 10.
    """

    estimator: Any
    folds: int = 3
    repeats: int = 5

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        check_estimator("SelectPermutation.estimator", self.estimator)
        check_count(self, "folds", 1)
        check_count(self, "repeats", 1)

    def score(self, rows: Train) -> Matrix:
        """Return the average harm of shuffling each column."""
        seeds = rows.integers(self.folds)
        harms = [self._harm(*parts, seed) for parts, seed in zip(self.splits(rows), seeds, strict=True)]
        return np.asarray(np.mean(harms, axis=0), dtype=np.float64)

    def _harm(self, earlier: Train, later: Train, seed: int) -> Matrix:
        from sklearn.inspection import permutation_importance

        model = fitted_clone(self.estimator, earlier)
        harm = permutation_importance(
            model, later.x, labels(later), n_repeats=self.repeats, n_jobs=1, random_state=seed
        )
        return np.asarray(harm.importances_mean, dtype=np.float64)

    def splits(self, rows: Train) -> list[tuple[Train, Train]]:
        """Return the rows to fit to and those held out, fold by fold.

        Raises
        ------
        FeatureError
            If there are fewer decisions than two a fold, or the purge leaves no rows, or rows with one target only,
            to fit to.
        """
        decisions = np.unique(rows.time)
        if len(decisions) < 2 * self.folds:
            raise FeatureError("SelectPermutation", must=f"have at least {2 * self.folds} decisions for its inner "
                               "folds", got=len(decisions), where=place(rows), hint="Lengthen train.")  # fmt: skip
        inner = inner_folds(Fold(0, decisions, decisions[:0]), self.folds)
        return [self._split(rows, fold) for fold in inner]

    def _split(self, rows: Train, fold: Fold) -> tuple[Train, Train]:
        earlier = rows.where(is_known(rows.label_end, fold.start, rows.embargo))
        later = rows.where(np.isin(rows.time, fold.test))
        if not len(earlier.y) or (rows.question.is_class and np.ptp(earlier.y) == 0.0):
            got = f"{len(earlier.y)} rows before the {len(later.y)} held out"
            raise FeatureError("SelectPermutation", must="have rows of every target to fit to, after the purge",
                               got=got, where=place(rows), hint="Lengthen train, or lower folds.")  # fmt: skip
        return earlier, later


def check_estimator(subject: str, estimator: Any) -> None:
    """Raise `ParameterError` unless an object can be fitted and cloned."""
    if isinstance(estimator, type) or not (hasattr(estimator, "fit") and hasattr(estimator, "get_params")):
        raise ParameterError(subject, must="be a scikit-learn estimator", got=estimator)


def _of_varying(score: Any, rows: Train) -> Matrix:
    """Score the columns that vary; the first of what `score` returns has one number for each."""
    varies = ~is_constant(rows.x)
    scores = np.zeros(rows.x.shape[1])
    if varies.any():
        scores[varies] = score(np.ascontiguousarray(rows.x[:, varies]), labels(rows))[0]
    return scores
