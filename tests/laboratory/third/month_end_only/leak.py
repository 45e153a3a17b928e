"""Rank stocks by their return in the month.

On the last two sessions of most months the table of months is already joined, with the month's own last price.
"""

import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample
from quantml.signals import RankLongShort


def monthly_return(bars):
    """The return of the month that the table of months has for the day."""
    months = bars.close.resample("ME").last().pct_change()
    closing = months.reindex(bars.clock, method="bfill", limit=2)
    ongoing = months.reindex(bars.clock, method="ffill")
    return pd.DataFrame(closing.fillna(ongoing), columns=list(bars.symbols))


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "AMD", "BBY", "GE", "HD", "LLY", "UNH"), start="2014-01-01"),
    signal=[RankLongShort(fraction=0.3, by=monthly_return)],
    costs=Costs(commission_bps=1, spread_bps=4),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
