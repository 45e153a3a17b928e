"""Features whose parameters are estimated from training returns, and that are then filtered bar by bar."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

import numpy as np

from quantml.arrays import ReadOnly
from quantml.bars import Bars
from quantml.errors import FeatureError
from quantml.features.base import feature_name
from quantml.features.transforms.base import ROUNDING, Matrix, with_columns
from quantml.panel import previous_close
from quantml.space import Declaration

if TYPE_CHECKING:
    from quantml.forecasters.base import Test, Train

    Rows = TypeVar("Rows", Train, Test)

__all__ = ["Filter", "FittedFilter"]

LOGGER: Final = logging.getLogger("quantml")


def own_returns(bars: Bars, start: int) -> Matrix:
    """Return simple returns of adjusted closes between each symbol's own bars from clock position `start` on.

    Shape (bars from `start` on, symbols); NaN where a symbol has no bar, and at its first.
    """
    close = bars.array("close")[start:]
    return np.asarray(close / previous_close(close) - 1.0, dtype=np.float64)


def training_returns(train: Train) -> Matrix:
    """Return the returns of the training window, until the decision bar that opens the block, less the embargo."""
    returns = own_returns(train.bars, train.start)
    return returns[: len(returns) - train.embargo]


def window(train: Train) -> str:
    """Say where the training returns lie, for an error's text or a warning."""
    clock = train.bars.clock
    return f"{clock[train.start]:%Y-%m-%d} to {clock[-1]:%Y-%m-%d}"


def add_at(label: str, rows: Rows, panel: Matrix, start: int, names: tuple[str, ...]) -> Rows:
    """Add columns to rows from a panel, shape (bars from `start` on, symbols, columns); NaN before `start`."""
    values = np.full((len(rows.time), len(names)), np.nan)
    inside = rows.time >= start
    values[inside] = panel[rows.time[inside] - start, rows.symbol[inside]]
    return with_columns(label, rows, values, names)


@dataclass(frozen=True)
class Filter(Declaration, ABC):
    """Base of features that are estimated and filtered symbol by symbol: write `names`, `estimate` and `run`."""

    least: ClassVar[int]

    @property
    def fewest(self) -> int:
        """Fewest training returns of a symbol to estimate from."""
        return self.least

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of the columns that are added."""

    @abstractmethod
    def estimate(self, returns: Matrix, where: str) -> Matrix:
        """Estimate parameters from a symbol's training returns, shape (n,), which vary; `where` is for warnings."""

    @abstractmethod
    def run(self, returns: Matrix, parameters: Matrix, periods_per_year: float) -> Matrix:
        """Return the columns, shape (n, columns), after each return; a row uses the returns up to it alone."""

    def fit(self, train: Train) -> FittedFilter:
        """Estimate each symbol's parameters.

        Raises
        ------
        FeatureError
            If no symbol has enough returns that vary.
        """
        returns = training_returns(train)
        parameters: dict[int, Matrix] = {}
        for column, symbol in enumerate(train.bars.symbols):
            own = returns[~np.isnan(returns[:, column]), column]
            if self._is_enough(own, symbol, train):
                parameters[column] = self.estimate(own, f"{symbol}, {window(train)}")
        if not parameters:
            hint = "Lengthen train."
            raise FeatureError(written(self), must=f"have {self.fewest} returns of a symbol that vary",
                               got=len(returns) - 1, where=window(train), hint=hint)  # fmt: skip
        return FittedFilter(self, parameters, train.start)

    def _is_enough(self, returns: Matrix, symbol: str, train: Train) -> bool:
        if len(returns) == 0:
            return False
        reason = ""
        if len(returns) < self.fewest:
            reason = f"{len(returns)} returns, fewer than {self.fewest}"
        elif np.ptp(returns) <= ROUNDING * np.abs(returns).max():
            reason = "constant returns"
        if reason:
            LOGGER.warning("%s is NaN for %s: %s (%s)", written(self), symbol, reason, window(train))
        return not reason


@dataclass(frozen=True, eq=False)
class FittedFilter(ReadOnly):
    """Parameters of each symbol, and where its filter starts.

    Attributes
    ----------
    declared : Filter
    parameters : mapping of int to ndarray
        By column number of the symbol.
    start : int
        Clock position of the first bar that the filter uses.
    """

    declared: Filter
    parameters: Mapping[int, Matrix]
    start: int

    def transform(self, rows: Rows) -> Rows:
        """Add the columns; NaN for symbols that were not fitted, and before their first return."""
        names = self.declared.names
        returns: Matrix = own_returns(rows.bars, self.start)
        panel = np.full((*returns.shape, len(names)), np.nan)
        for column, parameters in self.parameters.items():
            known = ~np.isnan(returns[:, column])
            periods = float(rows.bars.own_periods_per_year[column])
            panel[known, column] = self.declared.run(returns[known, column], parameters, periods)
        return add_at(written(self.declared), rows, panel, self.start, names)


def written(declared: object) -> str:
    """Name a transform as one would write it."""
    return feature_name(declared)  # type: ignore[arg-type]
