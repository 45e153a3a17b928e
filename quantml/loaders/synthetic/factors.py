"""A world of correlated symbols: a few factors move them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.loaders.synthetic.base import (
    ORIGIN,
    OVERNIGHT,
    PERIODS_PER_YEAR,
    Draws,
    Path,
    World,
    annual_to_session,
    is_number,
)

__all__ = ["Factors"]

MARKET_SPREAD: Final = 0.3
"""Standard deviation of the loadings on the first factor, around 1."""


@dataclass(frozen=True, kw_only=True)
class Factors(World):
    r"""Symbols that move with common factors, each to a degree of its own, and with noise of their own.

    .. math:: r_{it} = -\tfrac{1}{2} \Sigma_{ii} \Delta + \sum_k b_{ik} f_{kt} + e_{it}, \qquad
              f_{kt} \sim N(0, \sigma_k^2 \Delta), \quad e_{it} \sim N(0, \sigma_e^2 \Delta), \quad \Delta = 1/252,

    for log returns, everything independent (the strict factor model of Ross 1976, Journal of Economic Theory 13).
    The loadings :math:`b_{i1}` on the first factor, the market, are drawn once from N(1, 0.3²), the others from
    N(0, 1). Prices are martingales: nothing about the past tells anything about the future, but a covariance can be
    estimated. The annual covariance of log returns given the loadings is

    .. math:: \Sigma_{ij} = \sum_k b_{ik} b_{jk} \sigma_k^2 + \sigma_e^2\, [i = j],

    which `covariance` and `correlation` return. See `World` for the rest of each bar; the factors move overnight
    and during the session alike, a quarter of their variance overnight.

    Parameters
    ----------
    symbols, sessions, seed : int
        As in `World`.
    volatilities : sequence of float
        Annual volatility of each factor, above 0.0 and at most 1.0.
    specific : float
        Annual volatility :math:`\sigma_e` of each symbol's own noise, above 0.0 and at most 1.0.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> world = Factors(symbols=3, sessions=250, seed=4)
    >>> world.loadings.shape
    (3, 2)
    >>> world.load()
    Bars(3 symbols x 250 bars, 2000-01-03 to 2000-12-15, open, high, low, close, volume)
    """

    symbols: int = 10
    volatilities: Sequence[float] = (0.16, 0.06)
    specific: float = 0.20

    def __post_init__(self) -> None:
        if isinstance(self.volatilities, list):
            object.__setattr__(self, "volatilities", tuple(self.volatilities))
        super().__post_init__()

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        super().validate()
        listed = isinstance(self.volatilities, tuple) and len(self.volatilities) > 0
        held = listed and all(is_number(value, 1e-6, 1.0) for value in self.volatilities)
        self._check("volatilities", held, "list volatilities above 0.0 and at most 1.0")
        self._check("specific", is_number(self.specific, 1e-6, 1.0), "be above 0.0 and at most 1.0")

    @property
    def loadings(self) -> NDArray[np.float64]:
        """How much each symbol moves with each factor, shape (symbols, factors)."""
        return np.array([self._loadings(generator) for generator in self._generators()])

    @property
    def covariance(self) -> NDArray[np.float64]:
        """True annual covariance of log returns, shape (symbols, symbols)."""
        scaled = self.loadings * np.array(self.volatilities)
        return np.asarray(scaled @ scaled.T + self.specific**2 * np.eye(self.symbols), dtype=np.float64)

    @property
    def correlation(self) -> NDArray[np.float64]:
        """True correlation of log returns, shape (symbols, symbols)."""
        deviation = np.sqrt(np.diag(self.covariance))
        return np.asarray(self.covariance / np.outer(deviation, deviation), dtype=np.float64)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of a report: what the process is."""
        process = (
            f"{len(self.volatilities)} common factors and noise of each symbol's own, without drift: returns are"
            " correlated, but the past tells nothing."
        )
        return (ORIGIN, process)

    def factor_returns(self) -> pd.DataFrame:
        """Return the factors' true log returns in each session, sessions x factors."""
        overnight, inside = self._factors()
        return pd.DataFrame(overnight + inside, index=self.clock, columns=self._factor_names)

    @property
    def _factor_names(self) -> list[str]:
        return [f"F{number + 1}" for number in range(len(self.volatilities))]

    def _factors(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Draw the factors' moves overnight and inside the session, each of shape (sessions, factors)."""
        normal = self._shared().standard_normal((self.sessions, 2, len(self.volatilities)))
        scale = np.array(self.volatilities) / np.sqrt(PERIODS_PER_YEAR)
        return np.sqrt(OVERNIGHT) * scale * normal[:, 0], np.sqrt(1.0 - OVERNIGHT) * scale * normal[:, 1]

    def _loadings(self, generator: np.random.Generator) -> NDArray[np.float64]:
        drawn = generator.spawn(1)[0].standard_normal(len(self.volatilities))
        return np.append(1.0 + MARKET_SPREAD * drawn[:1], drawn[1:])

    def _path(self, generator: np.random.Generator) -> Path:
        loadings = self._loadings(generator)
        draws = Draws.of(generator, self.sessions)
        own = annual_to_session(self.specific)
        total = float(np.square(loadings * self.volatilities).sum()) / PERIODS_PER_YEAR + own
        normal = draws.normal.copy()
        for part, (moves, share) in enumerate(zip(self._factors(), (OVERNIGHT, 1.0 - OVERNIGHT), strict=True)):
            together = moves @ loadings + np.sqrt(share * own) * draws.normal[:, part]
            normal[:, part] = together / np.sqrt(share * total)
        return Draws(normal, draws.exponential).path(-0.5 * total, total)
