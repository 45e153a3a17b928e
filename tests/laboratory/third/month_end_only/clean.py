"""Rank stocks by their return in the last complete month."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample
from quantml.signals import RankLongShort


def monthly_return(bars):
    """The return of the month that the table of months has for the day."""
    months = bars.close.resample("ME").last().pct_change()
    return months.reindex(bars.clock, method="ffill")


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "AMD", "BBY", "GE", "HD", "LLY", "UNH"), start="2014-01-01"),
    signal=[RankLongShort(fraction=0.3, by=monthly_return)],
    costs=Costs(commission_bps=1, spread_bps=4),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
