"""What the built-in features share: their parameter checks, and work on each symbol's own bars."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import check, is_whole
from quantml.features.rolling import ratio, rolling_variance
from quantml.features.shared import shared
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
    return pd.DataFrame(values, index=bars.clock, columns=_columns(bars.symbols).view(), copy=False)


@lru_cache(maxsize=8)
def _columns(symbols: tuple[str, ...]) -> pd.Index:
    return pd.Index(symbols, dtype="object")  # pandas looks at each; views of it can be named without it


def simple_returns(bars: Bars, first: int, last: int = 0) -> NDArray[np.float64]:
    """Return each symbol's simple return from the close `first` own bars ago to the close `last` own bars ago."""
    result = ratio(bars.array("close"), first, last)
    result -= 1.0
    return result


def log_returns(bars: Bars, window: int) -> NDArray[np.float64]:
    """Return the logarithm of the close over the close `window` own bars ago."""
    result = ratio(bars.array("close"), window)
    return np.log(result, out=result)


def bar_returns(bars: Bars) -> NDArray[np.float64]:
    """Return each symbol's logarithmic return over one own bar, read-only; features built together share it."""
    return shared("logarithmic returns", bars, lambda bars: log_returns(bars, 1))


def bar_variance(bars: Bars, window: int) -> NDArray[np.float64]:
    """Return the variance (ddof=1) of the last `window` logarithmic returns, as `bar_returns` does."""
    return shared(f"variance of {window}", bars, lambda bars: rolling_variance(bar_returns(bars), window, 1))


def log_body(bars: Bars) -> NDArray[np.float64]:
    """Return the logarithm of each bar's close over its open, as `bar_returns` does."""
    return shared("logarithmic bodies", bars, lambda bars: log_ratio(bars.array("close"), bars.array("open")))


def log_range(bars: Bars) -> NDArray[np.float64]:
    """Return the logarithm of each bar's high over its low, as `bar_returns` does."""
    return shared("logarithmic ranges", bars, lambda bars: log_ratio(bars.array("high"), bars.array("low")))


def log_ratio(over: NDArray[np.float64], under: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of one panel over another as a fresh array."""
    result = over / under
    return np.log(result, out=result)


def quotient(over: NDArray[np.float64], under: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide the fresh array `over` in place by the fresh array `under`, NaN where that is 0."""
    under[under == 0.0] = np.nan
    over /= under
    return over
