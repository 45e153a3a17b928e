"""Transforms of columns whose numbers are names: sectors, weekdays, states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.errors import FeatureError, ParameterError, check
from quantml.features.transforms.base import (
    Matrix,
    are_training,
    learned,
    place,
    positions,
    with_columns,
    with_values,
    without,
)
from quantml.space import Declaration

if TYPE_CHECKING:
    from quantml.forecasters.base import Test, Train

    Rows = TypeVar("Rows", Train, Test)

__all__ = ["OneHot", "TargetEncode"]

MOST: Final = 100
"""Most categories of a column that `OneHot` turns into columns; more are numbers, not names."""


@dataclass(frozen=True)
class OneHot(Declaration):
    """Replace a column by one for each of its training categories: 1 where a row is of it, 0 where not.

    A category first met after training has 0 in all of them; NaN stays NaN in all. The new columns stand last, called
    ``"NAME=CATEGORY"``.

    Parameters
    ----------
    column : str
        Name of the feature; of at most 100 categories.

    Raises
    ------
    ParameterError
        If `column` is not a name.
    """

    column: str

    def validate(self) -> None:
        """Raise `ParameterError` unless the column is a name."""
        _check_column(self)

    def fit(self, train: Train) -> FittedOneHot:
        """List the categories.

        Raises
        ------
        FeatureError
            If there are no rows, or the column is unknown, has no value, or has too many.
        """
        values = learned("OneHot", train, [self.column])[1][:, 0]
        categories = np.unique(values[~np.isnan(values)])
        if len(categories) > MOST:
            hint = "Is it a number rather than a category?"
            raise FeatureError(f"the column {self.column} of OneHot", must=f"have at most {MOST} categories",
                               got=len(categories), where=place(train), hint=hint)  # fmt: skip
        return FittedOneHot(self.column, categories)


@dataclass(frozen=True, eq=False)
class FittedOneHot(ReadOnly):
    """The categories of a column in training, in ascending order."""

    column: str
    categories: Matrix

    def transform(self, rows: Rows) -> Rows:
        """Replace the column."""
        at = positions("OneHot", rows.names, [self.column])
        values = rows.x[:, at]
        flags = np.where(np.isnan(values), np.nan, (values == self.categories).astype(np.float64))
        names = [f"{self.column}={_written(category)}" for category in self.categories.tolist()]
        return with_columns("OneHot", without(rows, at), flags, names)


@dataclass(frozen=True)
class TargetEncode(Declaration):
    r"""Replace a category by the mean target of its rows, drawn towards the mean of all rows where it has few.

    .. math:: \frac{n_c \bar y_c + m \bar y}{n_c + m}

    with n the rows of the category c, and m the `smoothing` (Micci-Barreca 2001, SIGKDD Explorations 3(1), section 3,
    with weight n / (n + m)). Rows to forecast get the numbers of all training rows.

    A training row gets the numbers as known at its own decision, from rows whose labels end at or before it, so that
    no row sees its own label or one that overlaps it (Prokhorenkova et al. 2018, NeurIPS 31, section 3.2: ordered
    target statistics, with the clock as the order). Before the first label is known it is NaN.

    A category first met after training, or not yet known at a training row, gets the mean of all rows. NaN stays NaN.
    The column keeps its name and place.

    Parameters
    ----------
    column : str
        Name of the feature.
    smoothing : float
        How many rows the mean of all rows counts for, above 0.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    column: str
    smoothing: float = 20.0

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        _check_column(self)
        number = isinstance(self.smoothing, (int, float, np.number)) and not isinstance(self.smoothing, bool)
        holds = number and 0.0 < self.smoothing < np.inf
        check(holds, "TargetEncode.smoothing", "be a finite number above 0", self.smoothing)

    def fit(self, train: Train) -> FittedTargetEncode:
        """Take the mean targets; `FeatureError` without rows, or where the column is unknown or has no value."""
        values = learned("TargetEncode", train, [self.column])[1][:, 0]
        overall = float(train.y.mean())
        means = {}
        for category in np.unique(values[~np.isnan(values)]):
            of_it = train.y[values == category]
            means[float(category)] = float(self.blended(of_it.sum(), len(of_it), overall))
        return FittedTargetEncode(self, means, overall)

    def blended(self, total: Matrix | float, count: NDArray[np.int64] | int, overall: Matrix | float) -> Matrix:
        """Draw the mean of a category, given as the sum and count of its targets, towards the mean of all rows."""
        return np.asarray((total + self.smoothing * overall) / (count + self.smoothing), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class FittedTargetEncode:
    """Blended mean targets of the training categories, and the mean of all training rows."""

    declared: TargetEncode
    means: Mapping[float, float]
    overall: float

    def transform(self, rows: Rows) -> Rows:
        """Replace the category of each row."""
        at = int(positions("TargetEncode", rows.names, [self.declared.column])[0])
        category = rows.x[:, at]
        values = self._known_then(rows, category) if are_training(rows) else self._known_now(category)
        return with_values(rows, np.array([at]), values[:, None])

    def _known_now(self, category: Matrix) -> Matrix:
        result = np.where(np.isnan(category), np.nan, self.overall)
        for number, value in self.means.items():
            result[category == number] = value
        return result

    def _known_then(self, train: Train, category: Matrix) -> Matrix:
        """Return what was known at the decision of each row."""
        total, count = _until(train.label_end, train.y, train.time)
        overall = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
        result = np.full(len(category), np.nan)
        for number in self.means:
            of_it = category == number
            sums = _until(train.label_end[of_it], train.y[of_it], train.time[of_it])
            result[of_it] = self.declared.blended(*sums, overall[of_it])
        return result


def _written(category: float) -> str:
    """Write a number so that no other is written alike: codes of many digits are categories too."""
    return str(int(category)) if category.is_integer() else repr(category)


def _until(label_end: NDArray[np.int64], y: Matrix, time: NDArray[np.int64]) -> tuple[Matrix, NDArray[np.int64]]:
    """Return the sum and the number of the targets that are known at each time."""
    order = np.argsort(label_end, kind="stable")
    count = np.searchsorted(label_end[order], time, side="right")
    return np.concatenate([[0.0], np.cumsum(y[order])])[count], count


def _check_column(declared: OneHot | TargetEncode) -> None:
    owner = type(declared).__name__
    if not isinstance(declared.column, str):
        raise ParameterError(f"{owner}.column", must="be the name of a feature", got=declared.column)
