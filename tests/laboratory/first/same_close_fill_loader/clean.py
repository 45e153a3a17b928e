"""A loader that leaves the opens as they are; the fill at the next open is one."""

import numpy as np
import pandas as pd

from quantml import Bars, Costs, Fill, Study, WalkForward
from quantml.loaders import Sample


class Sessions:
    sample = Sample("indices", start="2013-01-01")

    def load(self):
        bars = self.sample.load()
        opens = bars.open
        high, low = np.maximum(bars.high, opens), np.minimum(bars.low, opens)
        fields = {"open": opens, "high": high, "low": low, "close": bars.close}
        return Bars.from_frame(pd.concat(fields, axis=1).iloc[1:], calendar="XNYS", periods_per_year=252)


def loser(_, context):
    returns = context.bars.returns()
    return (returns < 0).astype(float) / len(returns.columns)


study = Study(
    data=Sessions(),
    signal=loser,
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_OPEN,
    validation=WalkForward(train="2y", test="1y"),
)
