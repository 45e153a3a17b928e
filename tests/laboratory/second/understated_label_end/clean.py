"""A custom target, the best close of the next twenty bars, known after twenty, for a nearest-neighbour regression."""

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import KNeighborsRegressor

from quantml import Study, WalkForward
from quantml.features import DistanceToHigh, Momentum
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import Target
from quantml.timing import UNKNOWN


@dataclass(frozen=True)
class BestAhead:
    """Highest of the next `horizon` closes over the last one, minus 1."""

    horizon: int = 20
    wait: int = 20

    def build(self, bars, fill):
        """Compute the labels."""
        close = bars.array("close")
        values = np.full(close.shape, np.nan)
        label_end = np.full(close.shape, UNKNOWN)
        windows = np.lib.stride_tricks.sliding_window_view(close[1:], self.horizon, axis=0)
        values[: len(windows)] = windows.max(axis=2) / close[: len(windows)] - 1.0
        label_end[: len(windows)] = np.arange(len(windows))[:, None] + self.wait
        return Target(bars.clock, bars.symbols, values, label_end, self.horizon, "close", "return", "best ahead")


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "AMD", "JPM", "PFE", "XOM"), start="2014-01-01", end="2018-12-31"),
    features=[Momentum(21), DistanceToHigh(63)],
    target=BestAhead(),
    forecaster=KNeighborsRegressor(10),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y", refit="1m"),
)
