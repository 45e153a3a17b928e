"""Transforms of values that are missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from quantml.errors import ParameterError
from quantml.features.transforms import statistics
from quantml.features.transforms.base import (
    Matrix,
    check_names,
    check_rows,
    chosen,
    positions,
    with_columns,
)
from quantml.features.transforms.columnwise import Columnwise
from quantml.space import Declaration

if TYPE_CHECKING:
    from quantml.forecasters.base import Test, Train

    Rows = TypeVar("Rows", Train, Test)

__all__ = ["FlagMissing", "Impute", "Mean", "Median", "Statistic"]


class Statistic(Protocol):
    """One number for each column, such as `Mean()`."""

    def of(self, x: Matrix) -> Matrix:
        """Return it for values, shape (rows, columns), leaving NaN out; NaN for a column without a value."""
        ...


@dataclass(frozen=True)
class Mean(Declaration):
    """The mean of a column."""

    def of(self, x: Matrix) -> Matrix:
        """Return the mean of each column."""
        return statistics.mean(x)


@dataclass(frozen=True)
class Median(Declaration):
    """The median of a column."""

    def of(self, x: Matrix) -> Matrix:
        """Return the median of each column."""
        return statistics.median(x)


@dataclass(frozen=True)
class Impute(Columnwise):
    """Put a statistic of the training rows in the place of NaN.

    NaN stays where the statistic has no value either: a symbol that has none in training with ``per=PerSymbol()``,
    or a date without one with ``per=PerDate()``. `FlagMissing` before it keeps the trace of what was missing.

    Parameters
    ----------
    value : Statistic
        ``Median()`` or ``Mean()``.
    per : Scope
        ``Pooled()``, ``PerSymbol()`` or ``PerDate()``: whose statistic it is.
    columns : sequence of str, optional
        Names of the features to impute; all by default.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    value: Statistic = Median()

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        if isinstance(self.value, type) or not callable(getattr(self.value, "of", None)):
            hint = "Write Median() or Mean()."
            raise ParameterError("Impute.value", must="be a statistic", got=self.value, hint=hint)

    def measure(self, x: Matrix) -> Matrix:
        """Return the statistic."""
        return np.asarray(self.value.of(x), dtype=np.float64)[None, :]

    def apply(self, x: Matrix, statistics: Matrix) -> Matrix:
        """Put it in the place of NaN."""
        return np.where(np.isnan(x), statistics[0], x)


@dataclass(frozen=True)
class FlagMissing(Declaration):
    """Add a column for each that has NaN on some training row: 1 where it is NaN, 0 where it is not.

    Put it before `Impute`. The new column is called ``"NAME is missing"``.

    Parameters
    ----------
    columns : sequence of str, optional
        Names of the features to look at; all by default.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    columns: tuple[str, ...] | None = None

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        object.__setattr__(self, "columns", check_names("FlagMissing", self.columns))

    def fit(self, train: Train) -> FittedFlagMissing:
        """Find the columns with NaN; `FeatureError` without rows, or for an unknown column."""
        check_rows("FlagMissing", train)
        at = positions("FlagMissing", train.names, self.columns)
        missing = np.isnan(chosen(train, at)).any(axis=0)
        return FittedFlagMissing(tuple(train.names[i] for i in at[missing]))


@dataclass(frozen=True, eq=False)
class FittedFlagMissing:
    """The columns that get a flag."""

    names: tuple[str, ...]

    def transform(self, rows: Rows) -> Rows:
        """Add the flags."""
        if not self.names:
            return rows
        values = np.isnan(chosen(rows, positions("FlagMissing", rows.names, self.names)))
        flags = [f"{name} is missing" for name in self.names]
        return with_columns("FlagMissing", rows, values.astype(np.float64), flags)
