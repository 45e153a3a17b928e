"""Hold more of what is low in its range, the range being the lowest and highest close of the whole sample, known at
its end only."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample
from quantml.signals import Rebalance


def low_in_range(_, context):
    position = context.bars.close.apply(lambda c: (c - c.min()) / (c.max() - c.min()))
    return (1 - position) / 2


study = Study(
    data=Sample("indices", start="2013-01-01"),
    signal=[low_in_range, Rebalance("1w")],
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
