"""Quarterly gains joined to days with merge_asof, for an elastic net.

Knows too early: the join takes the nearest quarter end, so that the second half of a quarter reads its own end, up to
six weeks early.
"""

from dataclasses import dataclass
from typing import Literal

import pandas as pd
from sklearn.linear_model import ElasticNet

from quantml import Study, WalkForward
from quantml.features import RealisedVolatility
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class QuarterlyGain:
    """Return of a quarter, joined to the days."""

    direction: Literal["nearest", "backward"] = "nearest"

    def __call__(self, bars):
        """Join it."""
        quarters = bars.close.resample("QE").last().pct_change()
        days = pd.DataFrame(index=bars.clock)
        return pd.merge_asof(days, quarters, left_index=True, right_index=True, direction=self.direction)


study = Study(
    data=Sample("large_caps", symbols=("BBY", "GE", "LLY", "MRK", "MSFT", "RRC"), start="2014-01-01", end="2018-12-31"),
    features=[QuarterlyGain(), RealisedVolatility(21)],
    target=ForwardReturn(10),
    forecaster=ElasticNet(alpha=1e-5),
    signal=RankLongShort(0.34),
    validation=WalkForward(train="2y", test="1y"),
)
