"""Hold a stock in the 21 bars after it split."""

import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample


def run_up(_, context):
    bars = context.bars
    split = pd.DataFrame(bars.split > 1, bars.clock, list(bars.symbols)).astype(float)
    near = split.rolling(21, min_periods=1).max()
    return near / 3


study = Study(
    data=Sample("stocks", symbols=("AAPL", "IBM", "MSFT"), start="2002-01-01", end="2007-12-31"),
    signal=run_up,
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
