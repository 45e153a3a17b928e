"""Buy stocks quoted below 25 dollars on the day."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample


def cheap(_, context):
    bars = context.bars
    level = bars.close / bars.adjustment
    return (level < 25).astype(float) / 3


study = Study(
    data=Sample("stocks", symbols=("AAPL", "IBM", "MSFT"), start="2002-01-01", end="2007-12-31"),
    signal=cheap,
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
