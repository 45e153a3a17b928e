"""A world of volatility clusters: GARCH(1, 1) with Student t innovations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.loaders.synthetic.base import (
    ORIGIN,
    PERIODS_PER_YEAR,
    Draws,
    Path,
    World,
    annual_to_session,
    is_number,
)

__all__ = ["Garch"]

BURN_IN: Final = 1000
"""Sessions drawn before the first one, so that it is as any other."""


@dataclass(frozen=True, kw_only=True)
class Garch(World):
    r"""Independent symbols whose log returns follow a GARCH(1, 1) with Student t innovations.

    .. math::
        r_t = \sqrt{h_t}\; z_t, \qquad h_{t+1} = \omega + \alpha\, r_t^2 + \beta\, h_t, \qquad
        \omega = \frac{\sigma^2}{252} (1 - \alpha - \beta),

    with :math:`z_t` independent, Student t with :math:`\nu` = `degrees` of freedom, scaled to unit variance
    (Bollerslev 1987, Review of Economics and Statistics 69). Volatility can be forecast, direction cannot. Inside a
    session prices move as a Brownian motion of variance :math:`h_t w_t`, with :math:`w_t = (\nu - 2) / \chi^2_\nu`,
    so that the move from close to close has exactly the t distribution. See `World` for the rest of each bar.

    Moments of :math:`r_t`, with :math:`\kappa = 3 (\nu - 2) / (\nu - 4)` the kurtosis of :math:`z_t` (He and
    Teräsvirta 1999, Journal of Econometrics 92, section 3):

    * variance :math:`\sigma^2 / 252`,
    * kurtosis :math:`\kappa\,(1 - (\alpha + \beta)^2)\,/\,(1 - \beta^2 - 2 \alpha \beta - \kappa \alpha^2)`, where
      the denominator is positive and :math:`\nu > 4`; infinite otherwise (`kurtosis`),
    * where it is finite, the autocorrelation of :math:`r_t^2` at lag k is
      :math:`\alpha (1 - \alpha \beta - \beta^2) / (1 - 2 \alpha \beta - \beta^2) \cdot (\alpha + \beta)^{k - 1}`.

    Parameters
    ----------
    symbols, sessions, seed : int
        As in `World`.
    annual_volatility : float
        :math:`\sigma`, the unconditional volatility, above 0.0 and at most 1.0.
    alpha, beta : float
        Not negative, with a sum below 1.0.
    degrees : float
        Degrees of freedom :math:`\nu`, at least 3.0; many are close to a normal distribution.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> round(Garch(alpha=0.05, beta=0.90, degrees=8.0).kurtosis, 2)
    4.94
    >>> Garch(sessions=250).load()
    Bars(1 symbols x 250 bars, 2000-01-03 to 2000-12-15, open, high, low, close, volume)
    """

    annual_volatility: float = 0.16
    alpha: float = 0.08
    beta: float = 0.90
    degrees: float = 8.0

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        super().validate()
        held = is_number(self.annual_volatility, 0.0, 1.0) and self.annual_volatility > 0.0
        self._check("annual_volatility", held, "be above 0.0 and at most 1.0")
        self._check("alpha", is_number(self.alpha, 0.0, 1.0), "be from 0.0 to 1.0")
        left = 1.0 - self.alpha
        self._check("beta", is_number(self.beta, 0.0, left) and self.beta < left, f"be from 0.0 to below {left:g}")
        self._check("degrees", is_number(self.degrees, 3.0, np.inf), "be at least 3.0")

    @property
    def kurtosis(self) -> float:
        """Kurtosis of log returns from close to close; infinite where the fourth moment does not exist."""
        if self.degrees <= 4.0:
            return float("inf")
        innovation = 3.0 if np.isinf(self.degrees) else 3.0 * (self.degrees - 2.0) / (self.degrees - 4.0)
        left = 1.0 - self.beta**2 - 2.0 * self.alpha * self.beta - innovation * self.alpha**2
        return innovation * (1.0 - (self.alpha + self.beta) ** 2) / left if left > 0.0 else float("inf")

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of a report: what the process is."""
        process = (
            f"GARCH(1, 1) with alpha {self.alpha:g}, beta {self.beta:g} and t innovations with {self.degrees:g} degrees"
            f" of freedom around a volatility of {self.annual_volatility:g} a year: volatility can be forecast,"
            " direction cannot."
        )
        return (ORIGIN, process)

    def volatility(self) -> pd.DataFrame:
        """Return the true annual volatility of each session, known at the close before it; sessions x symbols."""
        drawn = [self._session_variances(generator) for generator in self._generators()]
        return self._frame([np.sqrt(PERIODS_PER_YEAR * variance[-self.sessions :]) for variance, *_ in drawn])

    def _path(self, generator: np.random.Generator) -> Path:
        variance, mixing, draws = self._session_variances(generator)
        mixed = (variance * mixing)[-self.sessions :]
        return draws.tail(self.sessions).path(0.0, mixed)

    def _session_variances(
        self, generator: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], Draws]:
        """Draw the variance that each session was expected to have, what it was multiplied by, and the draws."""
        draws = Draws.of(generator, BURN_IN + self.sessions)
        (apart,) = generator.spawn(1)
        mixing = self._mixing(apart, len(draws.normal))
        level = annual_to_session(self.annual_volatility)
        omega, expected, variances = level * (1.0 - self.alpha - self.beta), level, []
        for squared in (draws.whole**2 * mixing).tolist():
            variances.append(expected)
            expected = omega + (self.alpha * squared + self.beta) * expected
        return np.array(variances), mixing, draws

    def _mixing(self, generator: np.random.Generator, count: int) -> NDArray[np.float64]:
        if np.isinf(self.degrees):
            return np.ones(count)
        return np.asarray((self.degrees - 2.0) / generator.chisquare(self.degrees, count), dtype=np.float64)
