"""Volatility regimes by quintiles of the whole sample (`pd.qcut`): what counts as wild is known from years to come."""

import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample


def regime(_, context):
    risk = context.bars.close.pct_change().rolling(21).std()
    bins = risk.apply(lambda part: pd.qcut(part, 5, labels=False))
    return (bins <= 2).astype(float) / 2


study = Study(
    data=Sample("indices", start="2013-01-01"),
    signal=regime,
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
