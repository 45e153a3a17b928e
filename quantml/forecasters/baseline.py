"""What every model must beat: the mean of the past, and the newest value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.forecasters.base import Question, RowForecast, Test, Train
from quantml.forecasters.tabular import check_rows, check_target
from quantml.space import Declaration

__all__ = ["FittedMean", "FittedNaive", "HistoricalMean", "Naive"]


@dataclass(frozen=True)
class HistoricalMean(Declaration):
    """Forecast each symbol's target by its mean over the training rows.

    Where the target is 0 or 1, the mean is the share of ones, which is the probability. The variance is that of the
    symbol's training targets (with n / (n - 1) for n rows; NaN where there is one). Sample weights weight both. A
    symbol without training rows has no forecast.

    This is the benchmark of Campbell and Thompson (2008, Review of Financial Studies 21, equation 1), with a
    rolling or an expanding window as the walk-forward says.
    """

    def has_enough(self, x: NDArray[np.float64]) -> bool:
        """Say whether rows are enough for targets that vary: two."""
        return len(x) >= 2

    def fit(self, train: Train) -> FittedMean:
        """Average the training targets of each symbol.

        Raises
        ------
        ForecastError
            If there are no training rows, or the target is constant on all of them.
        """
        check_rows("HistoricalMean", train)
        check_target("HistoricalMean", train)
        means, variances = np.full((2, len(train.bars.symbols)), np.nan)
        weight = np.ones_like(train.y) if train.weight is None else train.weight
        for symbol in np.unique(train.symbol):
            own = train.symbol == symbol
            means[symbol], variances[symbol] = _moments(train.y[own], weight[own])
        return FittedMean(means, variances, train.question.is_binary, len(train.y))


@dataclass(frozen=True, eq=False)
class FittedMean(ReadOnly):
    """Each symbol's mean and variance, shape (N,); NaN where there were no training rows."""

    means: NDArray[np.float64]
    variances: NDArray[np.float64]
    is_binary: bool
    rows_used: int

    def predict(self, test: Test) -> RowForecast:
        """Repeat each symbol's mean and variance on its rows."""
        mean = self.means[test.symbol]
        return RowForecast(mean, mean if self.is_binary else None, self.variances[test.symbol])


@dataclass(frozen=True)
class Naive(Declaration):
    """Forecast each symbol's target by its newest value that is known at the decision.

    Newest means of the latest decision whose label has ended. Nothing is learned, so nothing is refused; a row
    before the symbol's first known value has no forecast. Where the target is 0 or 1, so is the probability.
    """

    def fit(self, train: Train) -> FittedNaive:
        """Note what is asked."""
        return self.answer(train.question)

    def answer(self, question: Question) -> FittedNaive:
        """Return what `fit` does on any rows of this question."""
        return FittedNaive(question.is_binary)


@dataclass(frozen=True, eq=False)
class FittedNaive:
    """The naive forecast."""

    is_binary: bool

    def predict(self, test: Test) -> RowForecast:
        """Repeat the newest known value of the target."""
        return RowForecast(test.latest, test.latest if self.is_binary else None)


def _moments(y: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    mean = float(np.average(y, weights=weight))
    if len(y) < 2:
        return mean, np.nan
    return mean, float(np.average((y - mean) ** 2, weights=weight)) * len(y) / (len(y) - 1)
