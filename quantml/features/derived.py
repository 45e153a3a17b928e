"""Features of other features: lags and differences, products and powers, and waves for what goes in circles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import check
from quantml.features.base import Feature, check_inner, evaluate, stated_warmup
from quantml.features.own_bars import check_count, on_panel
from quantml.features.rolling import lag
from quantml.space import Declaration

__all__ = ["Cosine", "Difference", "Lag", "Power", "Product", "Sine", "polynomial"]


@dataclass(frozen=True)
class _Earlier(Declaration):
    feature: Feature
    n: int = 1

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_inner(self, "feature")
        check_count(self, "n", 1)

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return stated_warmup(self.feature) + self.n


@dataclass(frozen=True)
class Lag(_Earlier):
    """The value that a feature had `n` of a symbol's own bars earlier.

    Parameters
    ----------
    feature : feature
    n : int
        Own bars, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> from quantml.features import Returns
    >>> days = pd.bdate_range("2024-01-01", periods=5)
    >>> bars = Bars.from_close(pd.DataFrame({"A": [100.0, 110.0, None, 99.0, 99.0], "B": 1.0}, index=days))
    >>> Lag(Returns(), 1)(bars)["A"].round(6).tolist()
    [nan, nan, nan, 0.1, -0.1]
    """

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the earlier values, time x symbol."""
        return on_panel(_earlier(evaluate(self.feature, bars), bars, self.n), bars)


@dataclass(frozen=True)
class Difference(_Earlier):
    """A feature less the value that it had `n` of a symbol's own bars earlier.

    Parameters
    ----------
    feature : feature
    n : int
        Own bars, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the differences, time x symbol."""
        values = evaluate(self.feature, bars)
        return on_panel(values - _earlier(values, bars, self.n), bars)


@dataclass(frozen=True)
class Product(Declaration):
    """One feature times another: their interaction.

    Parameters
    ----------
    first, second : feature

    Raises
    ------
    ParameterError
        If either is no feature.
    """

    first: Feature
    second: Feature

    def validate(self) -> None:
        """Raise `ParameterError` where either is no feature."""
        check_inner(self, "first")
        check_inner(self, "second")

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return max(stated_warmup(self.first), stated_warmup(self.second))

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the products, time x symbol."""
        return on_panel(evaluate(self.first, bars) * evaluate(self.second, bars), bars)


@dataclass(frozen=True)
class Power(Declaration):
    """A feature to the power of `n`, which keeps the sign where `n` is odd.

    Parameters
    ----------
    feature : feature
    n : int
        At least 2.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    feature: Feature
    n: int = 2

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_inner(self, "feature")
        check_count(self, "n", 2)

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return stated_warmup(self.feature)

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the powers, time x symbol."""
        return on_panel(evaluate(self.feature, bars) ** self.n, bars)


@dataclass(frozen=True)
class _Wave(Declaration):
    feature: Feature
    period: float

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_inner(self, "feature")
        check(0.0 < self.period < np.inf, f"{type(self).__name__}.period", "be a positive number", self.period)

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return stated_warmup(self.feature)

    def _angle(self, bars: Bars) -> NDArray[np.float64]:
        return np.asarray(2.0 * np.pi / self.period * evaluate(self.feature, bars), dtype=np.float64)


@dataclass(frozen=True)
class Sine(_Wave):
    """The sine of what goes in circles: sin(2 pi value / period).

    `Sine` and `Cosine` together place December beside January, which numbers from 1 to 12 do not.

    Parameters
    ----------
    feature : feature
        Such as ``Month()``.
    period : float
        The step after which the circle closes: 12 for months, 7 for days of the week, 5 if no weekend trades.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the sines, time x symbol."""
        return on_panel(np.sin(self._angle(bars)), bars)


@dataclass(frozen=True)
class Cosine(_Wave):
    """The cosine of what goes in circles: cos(2 pi value / period); see `Sine`.

    Parameters
    ----------
    feature : feature
        Such as ``DayOfWeek()``.
    period : float
        The step after which the circle closes.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the cosines, time x symbol."""
        return on_panel(np.cos(self._angle(bars)), bars)


def polynomial(features: Sequence[Feature], degree: int = 2) -> list[Feature]:
    """Return features, their powers and their products, up to a degree.

    Examples
    --------
    >>> from quantml.features import RSI, Month, feature_name
    >>> [feature_name(feature) for feature in polynomial([RSI(), Month()])]
    ['RSI()', 'Month()', 'Power(RSI())', 'Product(RSI(), Month())', 'Power(Month())']
    """
    check(degree >= 1, "degree", "be at least 1", degree)
    places = range(len(features))
    return [_monomial(features, picked) for size in range(1, degree + 1)
            for picked in combinations_with_replacement(places, size)]  # fmt: skip


def _monomial(features: Sequence[Feature], picked: Sequence[int]) -> Feature:
    factors = [_to_the(features[place], picked.count(place)) for place in dict.fromkeys(picked)]
    result = factors[0]
    for factor in factors[1:]:
        result = Product(result, factor)
    return result


def _to_the(feature: Feature, n: int) -> Feature:
    return feature if n == 1 else Power(feature, n)


def _earlier(values: NDArray[np.float64], bars: Bars, n: int) -> NDArray[np.float64]:
    """Return the values of `n` own bars earlier, NaN where there were not so many."""
    rows = np.where(bars.traded, np.arange(len(bars), dtype=np.float64)[:, None], np.nan)
    source = lag(rows, n)
    known = ~np.isnan(source)
    earlier = np.take_along_axis(values, np.where(known, source, 0.0).astype(np.int64), axis=0)
    return np.where(known, earlier, np.nan)
