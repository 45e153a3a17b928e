"""What the built-in features share: their parameter checks, and work on each symbol's own bars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import check, is_whole
from quantml.features.rolling import lag
from quantml.space import Declaration


def check_count(owner: object, name: str, least: int) -> None:
    """Raise `ParameterError` unless the parameter `name` of `owner` is a whole number from `least`."""
    value: Any = getattr(owner, name)
    subject = f"{type(owner).__name__}.{name}"
    check(is_whole(value), subject, "be a whole number", value)
    check(value >= least, subject, f"be at least {least}", value)


@dataclass(frozen=True)
class Windowed(Declaration):
    """Base of the features that look back over a window of own bars, on one symbol at a time."""

    window: int
    least: ClassVar[int] = 1
    by_symbol: ClassVar[bool] = True

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_count(self, "window", self.least)

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return self.window


def on_panel(values: NDArray[np.float64], bars: Bars) -> pd.DataFrame:
    """Wrap a fresh array, shape (T, N), as a frame; the array is not copied."""
    return pd.DataFrame(values, index=bars.clock, columns=pd.Index(bars.symbols, dtype="object"), copy=False)


def simple_returns(bars: Bars, first: int, last: int = 0) -> NDArray[np.float64]:
    """Return each symbol's simple return from the close `first` own bars ago to the close `last` own bars ago."""
    result = lag(bars.array("close"), first)
    newer = bars.array("close") if last == 0 else lag(bars.array("close"), last)
    np.divide(newer, result, out=result)
    result -= 1.0
    return result


def log_returns(bars: Bars, window: int) -> NDArray[np.float64]:
    """Return the logarithm of the close over the close `window` own bars ago."""
    result = lag(bars.array("close"), window)
    np.divide(bars.array("close"), result, out=result)
    return np.log(result, out=result)


def log_ratio(over: NDArray[np.float64], under: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of one panel over another as a fresh array."""
    result = over / under
    return np.log(result, out=result)


def quotient(over: NDArray[np.float64], under: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide the fresh array `over` in place by the fresh array `under`, NaN where that is 0."""
    under[under == 0.0] = np.nan
    over /= under
    return over


def on_own_bars(
    indicator: Callable[..., NDArray[np.float64]], bars: Bars, fields: tuple[str, ...], *parameters: float
) -> pd.DataFrame:
    """Run a one-series indicator on each symbol's own bars and lay the results back on the panel clock.

    An interior NaN would end or skew most of TA-Lib's functions without a word.

    Parameters
    ----------
    indicator : callable
        Takes one float64 array per field, then `parameters`; returns an array of the same length.
    bars : Bars
    fields : tuple of str
        Adjusted fields to hand over, such as ``("high", "low", "close")``.
    *parameters : float

    Raises
    ------
    DataError
        If the bars lack a field.
    """
    series = [np.ascontiguousarray(bars.array(name).T) for name in fields]
    values = np.full((len(bars.symbols), len(bars)), np.nan)
    for symbol, traded in enumerate(np.ascontiguousarray(bars.traded.T)):
        values[symbol, traded] = indicator(*(panel[symbol, traded] for panel in series), *parameters)
    return on_panel(np.ascontiguousarray(values.T), bars)
