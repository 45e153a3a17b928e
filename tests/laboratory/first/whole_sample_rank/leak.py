"""Fade monthly returns by their percentile in the whole history of the symbol, later returns included."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample


def ranked(bars):
    return bars.close.pct_change(21).rank(pct=True)


def contrary(_, context):
    return (0.5 - ranked(context.bars)).fillna(0.0)


study = Study(
    data=Sample("indices", start="2013-01-01"),
    signal=contrary,
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
