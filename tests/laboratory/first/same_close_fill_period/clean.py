"""Yesterday's loser is bought at the close after the one that made it one."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample


def loser(_, context):
    returns = context.bars.returns()
    return (returns < 0).astype(float) / len(returns.columns)


study = Study(
    data=Sample("indices", start="2013-01-01"),
    signal=loser,
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
