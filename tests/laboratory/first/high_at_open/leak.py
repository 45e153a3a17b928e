"""Buy at the next open if the session bought in ran far above its open: the high of the bar of the fill is known a
bar early."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample


def reach(bars):
    session = bars.high / bars.open - 1
    return session.shift(-1)


def buy(_, context):
    strong = reach(context.bars) > 0.004
    return strong.astype(float) / len(strong.columns)


study = Study(
    data=Sample("indices", start="2013-01-01"),
    signal=buy,
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_OPEN,
    validation=WalkForward(train="2y", test="1y"),
)
