"""The plainest world: independent geometric Brownian motions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quantml.loaders.synthetic.base import (
    ORIGIN,
    PERIODS_PER_YEAR,
    Draws,
    Path,
    World,
    annual_to_session,
    is_number,
)

__all__ = ["GeometricBrownianMotion"]


@dataclass(frozen=True, kw_only=True)
class GeometricBrownianMotion(World):
    r"""Independent geometric Brownian motions: nothing about the past tells anything about the future.

    With :math:`\mu` = `annual_drift`, :math:`\sigma` = `annual_volatility` and :math:`\Delta = 1/252`,

    .. math:: \log C_t - \log C_{t-1} = (\mu - \sigma^2 / 2)\,\Delta + \sigma \sqrt{\Delta}\; z_t,
              \qquad z_t \sim N(0, 1) \text{ independent},

    (Black and Scholes 1973, Journal of Political Economy 81). Log returns have mean
    :math:`(\mu - \sigma^2/2)\Delta` and variance :math:`\sigma^2 \Delta`, no skewness, and a kurtosis of 3; a simple
    return over n sessions has the mean :math:`e^{\mu n \Delta} - 1`. See `World` for the rest of each bar.

    Parameters
    ----------
    symbols, sessions, seed : int
        As in `World`.
    annual_drift : float
        :math:`\mu`, continuously compounded, from -1.0 to 1.0.
    annual_volatility : float
        :math:`\sigma`, above 0.0 and at most 1.0.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> GeometricBrownianMotion(symbols=2, sessions=250, annual_drift=0.05, seed=1).load()
    Bars(2 symbols x 250 bars, 2000-01-03 to 2000-12-15, open, high, low, close, volume)
    """

    annual_drift: float = 0.0
    annual_volatility: float = 0.16

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        super().validate()
        self._check("annual_drift", is_number(self.annual_drift, -1.0, 1.0), "be from -1.0 to 1.0")
        held = is_number(self.annual_volatility, 0.0, 1.0) and self.annual_volatility > 0.0
        self._check("annual_volatility", held, "be above 0.0 and at most 1.0")

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of a report: what the process is."""
        process = (
            f"Independent geometric Brownian motions with a drift of {self.annual_drift:g} and a volatility of"
            f" {self.annual_volatility:g} a year: the past tells nothing."
        )
        return (ORIGIN, process)

    def _path(self, generator: np.random.Generator) -> Path:
        variance = annual_to_session(self.annual_volatility)
        return Draws.of(generator, self.sessions).path(self.annual_drift / PERIODS_PER_YEAR - 0.5 * variance, variance)
