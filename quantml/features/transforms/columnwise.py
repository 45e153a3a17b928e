"""The base of transforms that change each column by itself, by statistics of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from quantml.features.transforms.base import Matrix, check_names, chosen, learned, positions, with_values
from quantml.features.transforms.scopes import Pooled, Scope, Statistics, check_scope
from quantml.space import Declaration

if TYPE_CHECKING:
    from quantml.forecasters.base import Test, Train

    Rows = TypeVar("Rows", Train, Test)

__all__ = ["Columnwise", "FittedColumnwise"]


@dataclass(frozen=True)
class Columnwise(Declaration, ABC):
    """Base of transforms of single columns: write `measure` and `apply`, the rest is here.

    Parameters
    ----------
    per : Scope
        ``Pooled()``, ``PerSymbol()`` or ``PerDate()``.
    columns : sequence of str, optional
        Names of the features to transform; all by default.
    """

    per: Scope = field(default=Pooled(), kw_only=True)
    columns: tuple[str, ...] | None = field(default=None, kw_only=True)

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_scope(type(self).__name__, self.per)
        object.__setattr__(self, "columns", check_names(type(self).__name__, self.columns))

    @abstractmethod
    def measure(self, x: Matrix) -> Matrix:
        """Return statistics, shape (k, columns), of values, shape (rows, columns); both may hold NaN."""

    @abstractmethod
    def apply(self, x: Matrix, statistics: Matrix) -> Matrix:
        """Return the values in place of `x`, shape (rows, columns), each from its own and the statistics alone."""

    def fit(self, train: Train) -> FittedColumnwise:
        """Take the statistics of the training rows.

        Raises
        ------
        FeatureError
            If there are no rows, a column is unknown, or one has no value on any row.
        """
        names, values = learned(type(self).__name__, train, self.columns)
        return FittedColumnwise(self, names, self.per.fit(self.measure, values, train.symbol))


@dataclass(frozen=True, eq=False)
class FittedColumnwise:
    """Statistics of columns.

    Attributes
    ----------
    declared : Columnwise
    names : tuple of str
        The columns.
    statistics : Statistics
        Their statistics; `values` of pooled ones has shape (k, columns), of those per symbol one such by symbol.
    """

    declared: Columnwise
    names: tuple[str, ...]
    statistics: Statistics

    def transform(self, rows: Rows) -> Rows:
        """Put the transformed values in the place of the columns."""
        at = positions(type(self.declared).__name__, rows.names, self.names)
        values = self.statistics.apply(self.declared.apply, chosen(rows, at), rows.time, rows.symbol)
        return with_values(rows, at, values)
