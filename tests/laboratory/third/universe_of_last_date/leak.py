"""Momentum among the five stocks whose price has grown most by the end of the data.

As members from the first day on.
"""

from dataclasses import dataclass

import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.loaders import Membership, Sample
from quantml.signals import RankLongShort, Rebalance


@dataclass(frozen=True)
class Leaders:
    """A sample with the largest risers as its universe."""

    source: Sample
    count: int = 5

    def load(self):
        """Return bars with members."""
        bars = self.source.load()
        growth = bars.close.iloc[-1] / bars.close.iloc[0]
        spells = pd.DataFrame({"symbol": growth.nlargest(self.count).index})
        return bars.with_membership(Membership(spells.assign(start=bars.clock[0], end=pd.NaT)))


study = Study(
    data=Leaders(Sample("large_caps", start="2014-01-01")),
    signal=[RankLongShort(fraction=0.4, by=Momentum(63), short=False), Rebalance("1w")],
    costs=Costs(commission_bps=1, spread_bps=4),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
