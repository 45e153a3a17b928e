"""A world whose edge is known, because it was planted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quantml.loaders.synthetic.base import (
    FIRST_PRICE,
    ORIGIN,
    OVERNIGHT,
    PERIODS_PER_YEAR,
    Draws,
    Path,
    World,
    annual_to_session,
    finish,
)
from quantml.timing import Fill

__all__ = ["Synthetic"]

STRONGEST: Final = 0.5
"""Largest Sharpe ratio per session that can be planted."""


@dataclass(frozen=True, kw_only=True)
class Synthetic(World):
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

    annual_volatility: float = 0.16
    sharpe: float = 0.0
    fill: Fill = Fill.NEXT_OPEN

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        super().validate()
        self._check("annual_volatility", 0.0 < self.annual_volatility <= 1.0, "be above 0.0 and at most 1.0")
        strongest = STRONGEST * float(np.sqrt(PERIODS_PER_YEAR))
        self._check("sharpe", 0.0 <= self.sharpe <= strongest, f"be from 0.0 to {strongest:.1f}")
        self._check("fill", isinstance(self.fill, Fill), "be a Fill")

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
        return (ORIGIN, told if self.sharpe > 0.0 else nothing)

    def _path(self, generator: np.random.Generator) -> Path:
        variance = annual_to_session(self.annual_volatility)
        inside = variance * (1.0 - OVERNIGHT - self.coefficient**2)
        before = np.sqrt(variance) * generator.standard_normal(2)
        draws = Draws.of(generator, self.sessions)
        overnight = _growth(draws.normal[:, 0], variance * OVERNIGHT)
        returns = self._returns(before, overnight * _growth(draws.normal[:, 1], inside))
        close = FIRST_PRICE * np.cumprod(1.0 + returns, dtype=np.float64)
        return finish(np.append(FIRST_PRICE, close[:-1]) * overnight, close, inside, draws)

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
