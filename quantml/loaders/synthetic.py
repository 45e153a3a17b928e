"""Synthetic worlds: bars whose edge is known, because it was planted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.calendars import RESOLUTION
from quantml.errors import check
from quantml.space import Declaration
from quantml.timing import Fill

__all__ = ["Synthetic"]

PERIODS_PER_YEAR: Final = 252
OVERNIGHT: Final = 0.25
"""Share of a session's variance that falls between the previous close and the open."""
STRONGEST: Final = 0.5
"""Largest Sharpe ratio per session that can be planted."""
FIRST_SESSION: Final = "2000-01-03"
FIRST_PRICE: Final = 100.0
MEDIAN_VOLUME: Final = 1e6
VOLUME_SPREAD: Final = 0.3


@dataclass(frozen=True, kw_only=True)
class Synthetic(Declaration):
    r"""A world in which yesterday's return tells part of a later one, and nothing else tells anything.

    Let :math:`c_t` be the simple return from close to close, and :math:`\sigma` its volatility per session. The open
    is :math:`O_t = C_{t-1} e^{a_t}` and the close is
    :math:`C_t = O_t\,(1 + \rho\, c_{t-k})\, e^{b_t}`, where :math:`a_t` and :math:`b_t` are independent normal
    shocks whose exponentials have mean one; a quarter of :math:`\sigma^2` is overnight. The lag :math:`k` is the one
    at which a decision made at the close of t, from :math:`c_t`, is filled before the move that :math:`c_t` tells:

    * ``Fill.NEXT_OPEN`` (and ``Fill.PERIOD``): :math:`k = 1`, told is the move from the open to the close of t+1;
    * ``Fill.NEXT_CLOSE``: :math:`k = 2`, told is the move from the open to the close of t+2.

    So with that fill the return :math:`r` from fill to fill, which ``ForwardReturn(1)`` targets, has
    :math:`E[r \mid t] = \rho\, c_t` exactly, and the feature that knows it is the return over the last bar. Filled
    at another time the same decision meets a slope of :math:`\rho^2`, or none.

    **What can be earned.** With :math:`z = c_t / \sigma` close to a standard normal, a trader whose position is
    proportional to :math:`c_t` earns :math:`z r` with mean :math:`\rho\sigma` and variance
    :math:`\sigma^2 (1 + \rho^2)`. `sharpe` is this trader's annual Sharpe ratio, gross of costs, in each symbol:

    .. math:: S = \sqrt{252}\; \rho / \sqrt{1 + \rho^2}.

    One whose position is the sign of :math:`c_t` earns `sign_sharpe`,
    :math:`\sqrt{252}\, m / \sqrt{1 - m^2}` with :math:`m = \rho \sqrt{2 / \pi}`.

    With ``sharpe=0`` each symbol is a geometric Brownian motion whose expected return is zero: nothing earns
    anything but costs.

    Highs and lows are drawn from the law of a Brownian bridge's maximum (Glasserman, *Monte Carlo Methods in
    Financial Engineering*, 2003, section 6.4). Volume is independent noise. Symbols are independent. Symbol i does
    not depend on how many there are, and a longer world begins exactly as a shorter one.

    Parameters
    ----------
    symbols : int
        How many, named ``S1``, ``S2`` and so on.
    sessions : int
        Length in sessions, on weekdays from 2000-01-03.
    annual_volatility : float
        Volatility of close-to-close returns, at most 1.0.
    sharpe : float
        Annual Sharpe ratio of the planted edge, from 0.0 to 7.9.
    fill : Fill
        The fill that earns it.
    seed : int

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> Synthetic(sessions=500, sharpe=2.0).load()
    Bars(1 symbols x 500 bars, 2000-01-03 to 2001-11-30, open, high, low, close, volume)
    """

    symbols: int = 1
    sessions: int = 2520
    annual_volatility: float = 0.16
    sharpe: float = 0.0
    fill: Fill = Fill.NEXT_OPEN
    seed: int = 0

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        check(_whole(self.symbols, 1), "Synthetic.symbols", "be a positive whole number", self.symbols)
        check(_whole(self.sessions, 2), "Synthetic.sessions", "be a whole number of at least 2", self.sessions)
        check(_whole(self.seed, 0), "Synthetic.seed", "be a whole number of at least 0", self.seed)
        volatility = 0.0 < self.annual_volatility <= 1.0
        check(volatility, "Synthetic.annual_volatility", "be above 0.0 and at most 1.0", self.annual_volatility)
        strongest = STRONGEST * float(np.sqrt(PERIODS_PER_YEAR))
        check(0.0 <= self.sharpe <= strongest, "Synthetic.sharpe", f"be from 0.0 to {strongest:.1f}", self.sharpe)
        check(isinstance(self.fill, Fill), "Synthetic.fill", "be a Fill", self.fill)

    @property
    def coefficient(self) -> float:
        """The planted slope of a later return on the last one."""
        per_session = self.sharpe / float(np.sqrt(PERIODS_PER_YEAR))
        return per_session / float(np.sqrt(1.0 - per_session**2))

    @property
    def sign_sharpe(self) -> float:
        """Annual Sharpe ratio, gross of costs, of a trader whose position is the sign of the last return."""
        mean = self.coefficient * float(np.sqrt(2.0 / np.pi))
        return float(np.sqrt(PERIODS_PER_YEAR)) * mean / float(np.sqrt(1.0 - mean**2))

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of a report: what was planted."""
        told = (
            f"The last return tells part of a later one, for decisions filled at {self.fill.value}: a position"
            f" proportional to it earns a Sharpe ratio of {self.sharpe:g} a year before costs."
        )
        nothing = "Geometric Brownian motion without drift: nothing can be earned."
        return ("Synthetic prices, made up by a random generator.", told if self.sharpe > 0.0 else nothing)

    def load(self) -> Bars:
        """Make the bars: open, high, low, close and volume on weekdays, 252 periods per year."""
        paths = [self._path(np.random.default_rng(s)) for s in np.random.SeedSequence(self.seed).spawn(self.symbols)]
        clock = pd.bdate_range(FIRST_SESSION, periods=self.sessions, unit=RESOLUTION)
        names = [f"S{number + 1}" for number in range(self.symbols)]
        fields = {
            field: pd.DataFrame(np.column_stack([path[field] for path in paths]), index=clock, columns=names)
            for field in ("open", "high", "low", "close", "volume")
        }
        return Bars.from_frame(pd.concat(fields, axis=1), periods_per_year=PERIODS_PER_YEAR)

    def _path(self, generator: np.random.Generator) -> dict[str, NDArray[np.float64]]:
        (apart,) = generator.spawn(1)  # so that the length of one stream does not move the other
        variance = float(self.annual_volatility**2 / PERIODS_PER_YEAR)
        inside = variance * (1.0 - OVERNIGHT - self.coefficient**2)
        before = np.sqrt(variance) * generator.standard_normal(2)
        draws = generator.standard_normal((self.sessions, 3))
        overnight = _growth(draws[:, 0], variance * OVERNIGHT)
        returns = self._returns(before, overnight * _growth(draws[:, 1], inside))
        close = FIRST_PRICE * np.cumprod(1.0 + returns, dtype=np.float64)
        opened = np.append(FIRST_PRICE, close[:-1]) * overnight
        high, low = _extremes(opened, close, inside, apart.standard_exponential((self.sessions, 2)))
        volume = np.rint(MEDIAN_VOLUME * np.exp(VOLUME_SPREAD * draws[:, 2]))
        return {"open": opened, "high": high, "low": low, "close": close, "volume": volume}

    def _returns(self, before: NDArray[np.float64], growth: NDArray[np.float64]) -> NDArray[np.float64]:
        lag = 2 if self.fill is Fill.NEXT_CLOSE else 1
        returns = before.tolist()
        for factor in growth.tolist():
            returns.append((1.0 + self.coefficient * returns[-lag]) * factor - 1.0)
        return np.array(returns[2:])


def _growth(normal: NDArray[np.float64], variance: float) -> NDArray[np.float64]:
    """Turn standard normals into log-normal factors of mean one."""
    growth: NDArray[np.float64] = np.exp(np.sqrt(variance) * normal - 0.5 * variance)
    return growth


def _extremes(
    opened: NDArray[np.float64], close: NDArray[np.float64], variance: float, exponential: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the high and the low between an open and a close that a Brownian motion of `variance` joins."""
    move = np.log(close / opened)
    reach = np.sqrt(move[:, None] ** 2 + 2.0 * variance * exponential)
    high = opened * np.exp(0.5 * (move + reach[:, 0]))
    low = opened * np.exp(0.5 * (move - reach[:, 1]))
    # The formulas hold up to rounding; a bar must hold exactly.
    return np.maximum(high, np.maximum(opened, close)), np.minimum(low, np.minimum(opened, close))


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
