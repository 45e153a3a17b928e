"""What synthetic worlds share: their clock, their random streams, and how a session's bar is drawn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.calendars import RESOLUTION
from quantml.errors import check, is_whole
from quantml.loaders.seen import seen
from quantml.space import Declaration

__all__ = ["World"]

PERIODS_PER_YEAR: Final = 252
OVERNIGHT: Final = 0.25
"""Share of a session's variance that falls between the previous close and the open."""
FIRST_SESSION: Final = "2000-01-03"
FIRST_PRICE: Final = 100.0
MEDIAN_VOLUME: Final = 1e6
VOLUME_SPREAD: Final = 0.3
ORIGIN: Final = "Synthetic prices, made up by a random generator."

Path = dict[str, NDArray[np.float64]]
"""One symbol's bars: each field's values, shape (sessions,)."""


@dataclass(frozen=True, kw_only=True)
class World(Declaration, ABC):
    """Base of the worlds that are made up from nothing: symbols ``S1``, ``S2`` ... on weekdays from 2000-01-03.

    A world says what happens between two closes; this class draws the rest of each bar. A quarter of a session's
    variance falls between the previous close and the open. Highs and lows are drawn from the law of a Brownian
    bridge's maximum (Glasserman, *Monte Carlo Methods in Financial Engineering*, 2003, section 6.4). Volume is
    independent log-normal noise. Each symbol draws from streams of its own: symbol i does not depend on how many
    there are, and a longer world begins exactly as a shorter one.

    Parameters
    ----------
    symbols : int
        How many.
    sessions : int
        Length in sessions.
    seed : int

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    symbols: int = 1
    sessions: int = 2520
    seed: int = 0

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        self._check("symbols", is_whole(self.symbols, 1), "be a positive whole number")
        self._check("sessions", is_whole(self.sessions, 2), "be a whole number of at least 2")
        self._check("seed", is_whole(self.seed, 0), "be a whole number of at least 0")

    def _check(self, name: str, holds: bool, must: str) -> None:
        check(holds, f"{type(self).__name__}.{name}", must, getattr(self, name))

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols."""
        return tuple(f"S{number + 1}" for number in range(self.symbols))

    @property
    def clock(self) -> pd.DatetimeIndex:
        """The sessions."""
        return pd.bdate_range(FIRST_SESSION, periods=self.sessions, unit=RESOLUTION)

    @seen
    def load(self) -> Bars:
        """Make the bars: open, high, low, close and volume on weekdays, 252 periods per year."""
        paths = [self._path(generator) for generator in self._generators()]
        fields = {name: self._frame([path[name] for path in paths]) for name in paths[0]}
        return Bars.from_frame(pd.concat(fields, axis=1), periods_per_year=PERIODS_PER_YEAR)

    @abstractmethod
    def _path(self, generator: np.random.Generator) -> Path:
        """Draw one symbol."""

    def _frame(self, columns: list[NDArray[np.float64]]) -> pd.DataFrame:
        """Put one array per symbol on the clock."""
        return pd.DataFrame(np.column_stack(columns), index=self.clock, columns=list(self.names))

    def _generators(self) -> list[np.random.Generator]:
        """One stream per symbol."""
        return [np.random.default_rng(child) for child in np.random.SeedSequence(self.seed).spawn(self.symbols)]

    def _shared(self) -> np.random.Generator:
        """A stream for what all symbols share."""
        return np.random.default_rng(np.random.SeedSequence([self.seed, 1]))


@dataclass(frozen=True, eq=False)
class Draws:
    """The random numbers behind one symbol's bars.

    Attributes
    ----------
    normal : ndarray, shape (sessions, 3)
        Standard normals: overnight, from open to close, volume.
    exponential : ndarray, shape (sessions, 2)
        Standard exponentials: high, low.
    """

    normal: NDArray[np.float64]
    exponential: NDArray[np.float64]

    @classmethod
    def of(cls, generator: np.random.Generator, sessions: int) -> Draws:
        """Draw each kind from a stream of its own, so that the length of one does not move the other."""
        (apart,) = generator.spawn(1)
        return cls(generator.standard_normal((sessions, 3)), apart.standard_exponential((sessions, 2)))

    def tail(self, sessions: int) -> Draws:
        """Return the last `sessions` draws."""
        return Draws(self.normal[-sessions:], self.exponential[-sessions:])

    @property
    def whole(self) -> NDArray[np.float64]:
        """The standard normal that a session's two parts add up to, shape (sessions,)."""
        parts = np.sqrt(OVERNIGHT) * self.normal[:, 0] + np.sqrt(1.0 - OVERNIGHT) * self.normal[:, 1]
        return np.asarray(parts, dtype=np.float64)

    def path(self, mean: NDArray[np.float64] | float, variance: NDArray[np.float64] | float) -> Path:
        """Make bars whose log return from close to close is ``mean + sqrt(variance) * whole`` in each session."""
        overnight, inside = OVERNIGHT * variance, (1.0 - OVERNIGHT) * variance
        before = OVERNIGHT * mean + np.sqrt(overnight) * self.normal[:, 0]
        after = (1.0 - OVERNIGHT) * mean + np.sqrt(inside) * self.normal[:, 1]
        close = FIRST_PRICE * np.exp(np.cumsum(before + after))
        opened = np.append(FIRST_PRICE, close[:-1]) * np.exp(before)
        return finish(opened, close, inside, self)


def finish(
    opened: NDArray[np.float64], close: NDArray[np.float64], variance: NDArray[np.float64] | float, draws: Draws
) -> Path:
    """Add highs, lows and volume to opens and closes that a Brownian motion of `variance` joins."""
    high, low = _extremes(opened, close, variance, draws.exponential)
    volume = np.rint(MEDIAN_VOLUME * np.exp(VOLUME_SPREAD * draws.normal[:, 2]))
    return {"open": opened, "high": high, "low": low, "close": close, "volume": volume}


def _extremes(
    opened: NDArray[np.float64],
    close: NDArray[np.float64],
    variance: NDArray[np.float64] | float,
    exponential: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    move = np.log(close / opened)
    reach = np.sqrt(move[:, None] ** 2 + 2.0 * np.reshape(variance, (-1, 1)) * exponential)
    high = opened * np.exp(0.5 * (move + reach[:, 0]))
    low = opened * np.exp(0.5 * (move - reach[:, 1]))
    # The formulas hold up to rounding; a bar must hold exactly.
    return np.maximum(high, np.maximum(opened, close)), np.minimum(low, np.minimum(opened, close))


def annual_to_session(volatility: float) -> float:
    """Return the variance of one session for an annual volatility."""
    return float(volatility**2 / PERIODS_PER_YEAR)


def is_number(value: object, low: float, high: float) -> bool:
    """Say whether `value` is a number from `low` to `high`."""
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and bool(low <= value <= high)
