"""Fractional differences of the logarithm of the price: stationary, yet with memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import check
from quantml.features.own_bars import check_count, on_panel
from quantml.features.rolling import weighted_sum
from quantml.space import Declaration

__all__ = ["FractionalDifference"]


@dataclass(frozen=True)
class FractionalDifference(Declaration):
    """Difference of fractional order of the logarithm of the close, with a window of fixed width.

    It is sum_k w_k log(close[t - k]) with w_0 = 1 and w_k = -w_(k-1) (order - k + 1) / k, the binomial series of
    (1 - B)^order of Hosking (1981, Biometrika 68, p. 165). The series is cut before the first weight that is smaller
    than `threshold`, as in Lopez de Prado (2018, Advances in Financial Machine Learning, section 5.5), or after
    `window` weights, whichever comes first. With order 1 it is the logarithmic return over one bar, with order 0 the
    logarithm itself.

    Cut weights do not sum to 0, so that a little of the price level remains: doubling every price adds log(2) times
    their sum.

    Parameters
    ----------
    order : float
        Above 0, at most 2. Prices mostly turn stationary between 0.3 and 0.6.
    window : int
        Most own bars looked at, at least 2.
    threshold : float
        Smallest weight kept, in absolute size; from 0, below 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> FractionalDifference(0.5, window=5).weights.tolist()
    [1.0, -0.5, -0.125, -0.0625, -0.0390625]
    >>> FractionalDifference(0.5, threshold=0.05).weights.tolist()
    [1.0, -0.5, -0.125, -0.0625]
    """

    order: float = 0.4
    window: int = 252
    threshold: float = 1e-5
    by_symbol: ClassVar[bool] = True

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check(0.0 < self.order <= 2.0, "FractionalDifference.order", "be above 0 and at most 2", self.order)
        check_count(self, "window", 2)
        check(0.0 <= self.threshold < 1.0, "FractionalDifference.threshold", "be from 0, below 1", self.threshold)

    @property
    def weights(self) -> NDArray[np.float64]:
        """The weights, that of the newest logarithm first."""
        kept = [1.0]
        while len(kept) < self.window:
            k = len(kept)
            weight = -kept[-1] * (self.order - k + 1) / k
            if weight == 0.0 or abs(weight) < self.threshold:
                break
            kept.append(weight)
        return np.array(kept)

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return len(self.weights) - 1

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the difference, time x symbol."""
        return on_panel(weighted_sum(np.log(bars.array("close")), self.weights), bars)
