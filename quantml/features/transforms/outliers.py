"""Leaving out training rows that lie far from the others; rows to forecast are never left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.errors import FeatureError, ParameterError, check
from quantml.features.own_bars import check_count
from quantml.features.transforms import statistics
from quantml.features.transforms.base import (
    Matrix,
    are_training,
    check_names,
    chosen,
    complete,
    complete_rows,
    learned,
    place,
    positions,
)
from quantml.features.transforms.cloning import fitted_clone
from quantml.space import Declaration

if TYPE_CHECKING:
    from quantml.forecasters.base import Test, Train

    Rows = TypeVar("Rows", Train, Test)

__all__ = ["DropOutliers", "Isolation", "RobustZ"]

NORMAL = 1.482602218505602
"""Standard deviation of a normal distribution over its median absolute deviation."""


class Judge(Protocol):
    """A fitted rule."""

    def outlying(self, x: Matrix) -> NDArray[np.bool_]:
        """Say which rows are outliers; NaN is none."""
        ...


class Rule(Protocol):
    """A declaration of what an outlier is."""

    def fit(self, train: Train, columns: tuple[str, ...] | None) -> Judge:
        """Learn from training rows what is usual."""
        ...


@dataclass(frozen=True)
class RobustZ(Declaration):
    """A row is an outlier if some column is far from its median.

    Far is more than `limit` times 1.4826 median absolute deviations, which is the standard deviation of a normal
    distribution. A column more than half of whose values are equal, where that is 0, is not judged.

    Parameters
    ----------
    limit : float
        Above 0.

    Raises
    ------
    ParameterError
        If `limit` is out of range.

    References
    ----------
    Iglewicz and Hoaglin (1993), How to Detect and Handle Outliers, section 3.3.
    """

    limit: float = 5.0

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        number = isinstance(self.limit, (int, float, np.number)) and not isinstance(self.limit, bool)
        check(number and 0.0 < self.limit < np.inf, "RobustZ.limit", "be a finite number above 0", self.limit)

    def fit(self, train: Train, columns: tuple[str, ...] | None) -> MedianJudge:
        """Take the medians of the columns and of the distances from them."""
        _, values = learned("DropOutliers", train, columns)
        centre = statistics.median(values)
        spread = NORMAL * statistics.median(np.abs(values - centre))
        return MedianJudge(centre, np.where(spread == 0.0, np.inf, self.limit * spread))


@dataclass(frozen=True, eq=False)
class MedianJudge(ReadOnly):
    """Medians of columns, and the largest usual distance from them."""

    centre: Matrix
    reach: Matrix

    def outlying(self, x: Matrix) -> NDArray[np.bool_]:
        """Say which rows have a column beyond its reach."""
        return np.asarray((np.abs(x - self.centre) > self.reach).any(axis=1), dtype=np.bool_)


@dataclass(frozen=True)
class Isolation(Declaration):
    """A row is an outlier if it is among those that random cuts set apart soonest (``sklearn``'s ``IsolationForest``).

    Rows with NaN are not judged.

    Parameters
    ----------
    share : float
        Share of the training rows that are outliers, above 0 and at most 0.5.
    trees : int
        At least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Liu, Ting and Zhou (2008), Isolation Forest, Eighth IEEE International Conference on Data Mining.
    """

    share: float = 0.01
    trees: int = 100

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        holds = isinstance(self.share, (float, np.floating)) and 0.0 < self.share <= 0.5
        check(holds, "Isolation.share", "be above 0.0 and at most 0.5", self.share)
        check_count(self, "trees", 1)

    def fit(self, train: Train, columns: tuple[str, ...] | None) -> ForestJudge:
        """Grow the trees."""
        from sklearn.ensemble import IsolationForest

        rows = complete_rows("DropOutliers", train, columns)
        return ForestJudge(fitted_clone(IsolationForest(n_estimators=self.trees, contamination=self.share), rows))


@dataclass(frozen=True, eq=False)
class ForestJudge:
    """A fitted isolation forest."""

    forest: Any

    def outlying(self, x: Matrix) -> NDArray[np.bool_]:
        """Say which rows the forest sets apart."""
        judged = complete(x)
        result = np.zeros(len(x), dtype=np.bool_)
        if judged.any():
            result[judged] = self.forest.predict(x[judged]) == -1
        return result


@dataclass(frozen=True)
class DropOutliers(Declaration):
    """Leave out training rows that are outliers. Rows to forecast all stay.

    Parameters
    ----------
    rule : Rule
        ``RobustZ(limit)`` or ``Isolation(share)``.
    columns : sequence of str, optional
        Names of the features to look at; all by default.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    rule: Rule = RobustZ()
    columns: tuple[str, ...] | None = None

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        if isinstance(self.rule, type) or not callable(getattr(self.rule, "fit", None)):
            hint = "Write RobustZ() or Isolation()."
            raise ParameterError("DropOutliers.rule", must="be a rule", got=self.rule, hint=hint)
        object.__setattr__(self, "columns", check_names("DropOutliers", self.columns))

    def fit(self, train: Train) -> FittedDropOutliers:
        """Learn what is usual; `FeatureError` without rows, or for an unknown column."""
        return FittedDropOutliers(self.rule.fit(train, self.columns), self.columns)


@dataclass(frozen=True, eq=False)
class FittedDropOutliers:
    """A fitted rule and the columns that it looks at."""

    judge: Judge
    columns: tuple[str, ...] | None

    def transform(self, rows: Rows) -> Rows:
        """Leave outliers out of training rows.

        Raises
        ------
        FeatureError
            If all rows would be left out.
        """
        if not are_training(rows):
            return rows
        usual = ~self.judge.outlying(chosen(rows, positions("DropOutliers", rows.names, self.columns)))
        if not usual.any():
            hint = "Raise the limit, or name columns."
            raise FeatureError("DropOutliers", must="leave some training rows", got=0, where=place(rows), hint=hint)
        return rows.where(usual)  # type: ignore[return-value]
