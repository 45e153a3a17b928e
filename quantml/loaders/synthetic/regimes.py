"""A world that changes between calm and turbulent regimes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.errors import check
from quantml.loaders.synthetic.base import (
    ORIGIN,
    PERIODS_PER_YEAR,
    Draws,
    Path,
    World,
    annual_to_session,
    is_number,
)
from quantml.space import Declaration

__all__ = ["Regime", "RegimeSwitching"]


@dataclass(frozen=True)
class Regime(Declaration):
    """One state of a market.

    Parameters
    ----------
    annual_drift : float
        Continuously compounded, from -2.0 to 2.0.
    annual_volatility : float
        Above 0.0 and at most 2.0.
    mean_sessions : float
        How long the state lasts on average, at least 1.0.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    annual_drift: float
    annual_volatility: float
    mean_sessions: float

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        check(is_number(self.annual_drift, -2.0, 2.0), "Regime.annual_drift", "be from -2.0 to 2.0", self.annual_drift)
        held = is_number(self.annual_volatility, 0.0, 2.0) and self.annual_volatility > 0.0
        check(held, "Regime.annual_volatility", "be above 0.0 and at most 2.0", self.annual_volatility)
        held = is_number(self.mean_sessions, 1.0, 1e9)
        check(held, "Regime.mean_sessions", "be at least 1.0", self.mean_sessions)

    @property
    def mean(self) -> float:
        """Expected log return of a session."""
        return self.annual_drift / PERIODS_PER_YEAR - 0.5 * self.variance

    @property
    def variance(self) -> float:
        """Variance of a session's log return."""
        return annual_to_session(self.annual_volatility)


CALM = Regime(annual_drift=0.12, annual_volatility=0.12, mean_sessions=200.0)
TURBULENT = Regime(annual_drift=-0.20, annual_volatility=0.35, mean_sessions=40.0)


@dataclass(frozen=True, kw_only=True)
class RegimeSwitching(World):
    r"""Symbols whose drift and volatility depend on a hidden regime that they share.

    .. math:: r_{it} \mid s_t = k \;\sim\; N\big((\mu_k - \sigma_k^2 / 2)\,\Delta,\; \sigma_k^2 \Delta\big),
              \qquad \Delta = 1/252,

    independent over symbols and sessions given the regimes :math:`s_t`, a Markov chain (Hamilton 1989, Econometrica
    57): regime k, which lasts :math:`d_k` sessions on average, is left with probability :math:`1/d_k` a session, for
    each of the other regimes with the same probability. The first regime is drawn from the long-run probabilities.

    Moments of log returns:

    * the long-run probability of regime k is :math:`\pi_k = d_k / \sum_j d_j` (`probabilities`),
    * the mean is :math:`m = \sum_k \pi_k m_k` with :math:`m_k = (\mu_k - \sigma_k^2/2)\Delta`, the variance
      :math:`\sum_k \pi_k (\sigma_k^2 \Delta + (m_k - m)^2)` (`annual_volatility`),
    * with two regimes, the autocorrelations of squared returns fall by the factor :math:`1 - 1/d_1 - 1/d_2` per lag.

    See `World` for the rest of each bar.

    Parameters
    ----------
    symbols, sessions, seed : int
        As in `World`.
    regimes : sequence of Regime
        At least two; by default a calm one (volatility 0.12, 200 sessions) and a turbulent one (0.35, 40 sessions).

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> world = RegimeSwitching(sessions=250, seed=2)
    >>> world.probabilities.round(3).tolist()
    [0.833, 0.167]
    >>> world.load()
    Bars(1 symbols x 250 bars, 2000-01-03 to 2000-12-15, open, high, low, close, volume)
    """

    regimes: Sequence[Regime] = (CALM, TURBULENT)

    def __post_init__(self) -> None:
        if isinstance(self.regimes, list):
            object.__setattr__(self, "regimes", tuple(self.regimes))
        super().__post_init__()

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        super().validate()
        listed = isinstance(self.regimes, tuple) and all(isinstance(regime, Regime) for regime in self.regimes)
        self._check("regimes", listed and len(self.regimes) >= 2, "list at least two of Regime")

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Long-run probability of each regime."""
        lengths = np.array([regime.mean_sessions for regime in self.regimes])
        return np.asarray(lengths / lengths.sum(), dtype=np.float64)

    @property
    def annual_volatility(self) -> float:
        """Unconditional volatility of log returns."""
        means = np.array([regime.mean for regime in self.regimes])
        variances = np.array([regime.variance for regime in self.regimes])
        spread = (means - self.probabilities @ means) ** 2
        return float(np.sqrt(PERIODS_PER_YEAR * (self.probabilities @ (variances + spread))))

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of a report: what the regimes are."""
        each = "; ".join(
            f"drift {regime.annual_drift:g} and volatility {regime.annual_volatility:g} a year for"
            f" {regime.mean_sessions:g} sessions on average"
            for regime in self.regimes
        )
        return (ORIGIN, f"Hidden regimes that all symbols share: {each}.")

    def states(self) -> pd.Series:
        """Return the number of the true regime of each session, which no study is told."""
        return pd.Series(self._states(), index=self.clock, name="regime")

    def _states(self) -> NDArray[np.int64]:
        generator = self._shared()
        state = int(generator.choice(len(self.regimes), p=self.probabilities))
        states: list[int] = []
        while len(states) < self.sessions:
            length = int(generator.geometric(1.0 / self.regimes[state].mean_sessions))
            states += [state] * min(length, self.sessions - len(states))
            step = int(generator.integers(1, len(self.regimes)))
            state = (state + step) % len(self.regimes)
        return np.array(states, dtype=np.int64)

    def _path(self, generator: np.random.Generator) -> Path:
        states = self._states()
        mean = np.array([regime.mean for regime in self.regimes])[states]
        variance = np.array([regime.variance for regime in self.regimes])[states]
        return Draws.of(generator, self.sessions).path(mean, variance)
