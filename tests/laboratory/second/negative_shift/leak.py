"""Pooled ridge on offset momentum.

Knows too early: the offset is negative, so that a row holds the five-day return as it will stand two closes later.
"""

from dataclasses import dataclass

import pandas as pd

from quantml import Bars, Study, WalkForward
from quantml.features import RealisedVolatility
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class OffsetMomentum:
    """Return over `window` bars, moved by `offset` rows."""

    window: int = 5
    offset: int = 0

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute it."""
        return bars.close.pct_change(self.window).shift(self.offset)


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "JPM", "KO", "PFE", "XOM"), start="2014-01-01", end="2018-12-31"),
    features=[OffsetMomentum(5, offset=-2), RealisedVolatility(21)],
    target=ForwardReturn(5),
    forecaster=Ridge(alpha=10.0),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
