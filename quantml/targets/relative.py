"""Forward returns beside those of something else: cash, a benchmark, or the other symbols of the date."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.cash import CashRate, cash_returns, check_cash
from quantml.errors import ParameterError, TargetError, check, did_you_mean
from quantml.listings import OwnBars
from quantml.targets.base import Ahead, Held, Target, check_count, make_target
from quantml.targets.trailing import trailing_beta
from quantml.timing import UNKNOWN, Fill

__all__ = ["ActiveReturn", "ExcessReturn", "RankReturn", "ResidualReturn"]


@dataclass(frozen=True)
class _Beyond(Ahead, ABC):
    """A forward return less another return over the same rows of the clock."""

    @abstractmethod
    def beyond(self, bars: Bars, fill: Fill) -> Held:
        """Compute the differences and where their labels end."""

    def earned(self, bars: Bars, fill: Fill, side: NDArray[np.float64]) -> Held:
        """Compute what taking each side earns beyond the other return: 1.0 long, -1.0 short; shape (T, N)."""
        held = self.beyond(bars, fill)
        return held._replace(returns=side * held.returns)

    def _target(self, bars: Bars, fill: Fill, name: str) -> Target:
        held = self.beyond(bars, fill)
        return make_target(self, bars, held.returns, held.label_end, "excess", f"{name}_{self.horizon}")


@dataclass(frozen=True)
class ExcessReturn(_Beyond):
    """`ForwardReturn` less what cash earns meanwhile.

    Cash earns its rate, as `quantml.cash` reads it, on every bar of the clock after the one at whose price the return
    starts, up to the one on which the label ends; compounded.

    Parameters
    ----------
    horizon : int
        Bars of the symbol, at least 1.
    start : {"fill", "close"}
    cash : float or CashRate
        A simple rate per year, or a column of an outside table.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=4)
    >>> bars = Bars.from_close(pd.DataFrame({"A": [100.0, 110.0, 121.0, 133.1]}, index=days), periods_per_year=252)
    >>> ExcessReturn(1, cash=0.0252).build(bars, Fill.NEXT_CLOSE).frame["A"].round(6).tolist()
    [0.0999, 0.0999, nan, nan]
    """

    _: KW_ONLY
    cash: float | CashRate

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        if self.cash is None:
            hint = "Write cash=0.02, or CashRate('table', 'column'); without cash it is a ForwardReturn."
            raise ParameterError("ExcessReturn.cash", must="be given", got=None, hint=hint)
        check_cash(self.cash)

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Compute the excess returns; see `TargetRule.build`.

        Raises
        ------
        DataError
            As `quantml.cash.cash_returns` does: if the rate of a bar was not known at the one before.
        """
        return self._target(bars, fill, "excess_return")

    def beyond(self, bars: Bars, fill: Fill) -> Held:
        """Compute the excess returns and where they end."""
        held = self.held(bars, fill)
        account = np.cumprod(1.0 + cash_returns(self.cash, bars), dtype=np.float64)
        return held._replace(returns=held.returns - _change(account, held))


@dataclass(frozen=True)
class ActiveReturn(_Beyond):
    """`ForwardReturn` less that of a benchmark between the same two rows of the clock, at the same prices.

    There is no value where the benchmark has no bar on either row.

    Parameters
    ----------
    horizon : int
        Bars of the symbol, at least 1.
    start : {"fill", "close"}
    benchmark : str
        A symbol of the bars.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    _: KW_ONLY
    benchmark: str

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        check_symbol(self, self.benchmark)

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Compute the active returns; see `TargetRule.build`.

        Raises
        ------
        TargetError
            If the benchmark is not a symbol of the bars.
        """
        return self._target(bars, fill, "active_return")

    def beyond(self, bars: Bars, fill: Fill) -> Held:
        """Compute the active returns and where they end."""
        held, market = self.held(bars, fill), _market(self, self.benchmark, bars, fill)
        return _known(held, held.returns - _change(market, held))


@dataclass(frozen=True)
class ResidualReturn(_Beyond):
    r"""`ForwardReturn` less beta times that of a benchmark: what the benchmark does not explain.

    .. math:: R_{i,t} - \beta_{i,t} R_{b,t}

    Beta is known at the decision: the slope, with an intercept, of the symbol's last `window` simple returns up to t
    on the benchmark's, between bars that both have. The benchmark's forward return is that of `ActiveReturn`. There is
    no value where either is missing, or the benchmark did not move in the window.

    Parameters
    ----------
    horizon : int
        Bars of the symbol, at least 1.
    start : {"fill", "close"}
    benchmark : str
        A symbol of the bars.
    window : int
        Returns that beta is estimated from, at least 2.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    _: KW_ONLY
    benchmark: str
    window: int = 252

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        check_symbol(self, self.benchmark)
        check_count("ResidualReturn.window", self.window, 2, "returns")

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Compute the residual returns; see `TargetRule.build`.

        Raises
        ------
        TargetError
            If the benchmark is not a symbol of the bars.
        """
        return self._target(bars, fill, "residual_return")

    def beyond(self, bars: Bars, fill: Fill) -> Held:
        """Compute the residual returns and where they end."""
        held, market = self.held(bars, fill), _market(self, self.benchmark, bars, fill)
        beta = trailing_beta(bars, bars.symbols.index(self.benchmark), self.window)
        return _known(held, held.returns - beta * _change(market, held))


@dataclass(frozen=True)
class RankReturn(Ahead):
    r"""Rank of the `ForwardReturn` among the symbols of the date: -1.0 the lowest, 1.0 the highest, 0.0 the middle.

    .. math:: 2 \frac{rank - 1}{m - 1} - 1

    of m symbols with a forward return; equal ones share their average rank. Ranked are the symbols that have a bar at
    the decision and, in a universe, are members then. A rank is known once every one of them has its forward return,
    or is known to have none: its label ends on the latest of these bars. There is no value on a date on which fewer
    than two have one.

    Parameters
    ----------
    horizon : int
        Bars of each symbol, at least 1.
    start : {"fill", "close"}

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=2)
    >>> bars = Bars.from_close(pd.DataFrame({"A": [1.0, 1.1], "B": [1.0, 1.3], "C": [1.0, 1.2]}, index=days))
    >>> RankReturn(1, "close").build(bars, Fill.NEXT_CLOSE).values[0].tolist()
    [-1.0, 1.0, 0.0]
    """

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Compute the ranks; see `TargetRule.build`."""
        held = self.held(bars, fill)
        settled = np.where(bars.candidates, self._settled(bars, fill, held), -1).max(axis=1, keepdims=True)
        returns = np.where(bars.candidates & (settled != UNKNOWN), held.returns, np.nan)
        values = _ranks(returns)
        label_end = np.where(np.isnan(values), UNKNOWN, settled)
        return make_target(self, bars, values, label_end, "rank", f"rank_return_{self.horizon}")

    def _settled(self, bars: Bars, fill: Fill, held: Held) -> NDArray[np.int64]:
        """Return the row on which a symbol's forward return is known, or known not to exist; UNKNOWN before."""
        own, (_, delay) = OwnBars.of(bars), self.origin(bars, fill)
        return np.where(own.outlived(delay), own.listings.closed, held.label_end)


def check_symbol(declared: Ahead, benchmark: str) -> None:
    """Raise `ParameterError` unless a benchmark is the name of a symbol."""
    check(isinstance(benchmark, str), f"{type(declared).__name__}.benchmark", "be the name of a symbol", benchmark)


def _market(declared: Ahead, benchmark: str, bars: Bars, fill: Fill) -> NDArray[np.float64]:
    """Return the benchmark's prices at which the target is measured, shape (T,)."""
    if benchmark not in bars.symbols:
        hint = did_you_mean(benchmark, bars.symbols)
        subject = f"{type(declared).__name__}.benchmark"
        raise TargetError(subject, must="be a symbol of the bars", got=benchmark, hint=hint)
    field, _ = declared.origin(bars, fill)
    return bars.array(field)[:, bars.symbols.index(benchmark)]


def _change(prices: NDArray[np.float64], held: Held) -> NDArray[np.float64]:
    """Return the relative change of one series, shape (T,), between the two rows of each return, shape (T, N)."""
    known = held.label_end != UNKNOWN
    first, last = (np.where(known, rows, 0) for rows in (held.opened, held.label_end))
    return np.where(known, prices[last] / prices[first] - 1.0, np.nan)


def _known(held: Held, returns: NDArray[np.float64]) -> Held:
    """Replace the returns; where one is NaN, nothing of it is known."""
    unknown = np.isnan(returns)
    opened, label_end = (np.where(unknown, UNKNOWN, rows) for rows in (held.opened, held.label_end))
    return Held(returns, opened, label_end)


def _ranks(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank each row from -1.0 to 1.0; NaN throughout a row with fewer than two values."""
    ranks = pd.DataFrame(returns).rank(axis=1).to_numpy(dtype=np.float64)
    above = np.sum(~np.isnan(returns), axis=1, keepdims=True) - 1.0
    return np.asarray(2.0 * (ranks - 1.0) / np.where(above > 0.0, above, np.nan) - 1.0, dtype=np.float64)
