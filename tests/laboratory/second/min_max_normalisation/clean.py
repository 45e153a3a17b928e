"""Rank stocks by where the price stands between the extremes of its last year; a rule without a forecaster."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from quantml import Study, WalkForward
from quantml.loaders import Sample
from quantml.signals import RankLongShort, Rebalance


@dataclass(frozen=True)
class Position:
    """Place of the logarithmic close between lowest and highest: 0 to 1."""

    window: int = 252

    def __call__(self, bars):
        """Compute it."""
        level = pd.DataFrame(np.log(bars.array("close")), bars.clock, bars.symbols)
        low, high = level.rolling(self.window).min(), level.rolling(self.window).max()
        return (level - low) / (high - low)


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "CVX", "GE", "JNJ", "LLY", "PEP"), start="2014-01-01", end="2018-12-31"),
    signal=[RankLongShort(0.34, by=Position()), Rebalance("1w")],
    validation=WalkForward(train="2y", test="1y"),
)
