"""Rank stocks by where the price stands between its extremes; a rule without a forecaster.

Knows too early: the extremes are those of the whole sample, which may come years later.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from quantml import Study, WalkForward
from quantml.loaders import Sample
from quantml.signals import RankLongShort, Rebalance


@dataclass(frozen=True)
class Position:
    """Place of the logarithmic close between lowest and highest: 0 to 1."""

    def __call__(self, bars):
        """Compute it."""
        level = np.log(bars.array("close"))
        low, high = np.nanmin(level, axis=0), np.nanmax(level, axis=0)
        return pd.DataFrame((level - low) / (high - low), bars.clock, bars.symbols)


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "CVX", "GE", "JNJ", "LLY", "PEP"), start="2014-01-01", end="2018-12-31"),
    signal=[RankLongShort(0.34, by=Position()), Rebalance("1w")],
    validation=WalkForward(train="2y", test="1y"),
)
