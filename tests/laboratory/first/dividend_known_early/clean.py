"""Weigh stocks by the dividends of the half year gone by."""

import numpy as np
import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample
from quantml.signals import Rebalance


def payer(_, context):
    bars = context.bars
    paid = pd.DataFrame(bars.dividend, bars.clock, list(bars.symbols)).rolling(126, min_periods=1).sum()
    paid = paid
    best = paid.div(paid.sum(axis=1).replace(0.0, np.nan), axis=0)
    return best.fillna(0.0)


study = Study(
    data=Sample("stocks", symbols=("AAPL", "IBM", "MSFT"), start="2002-01-01", end="2007-12-31"),
    signal=[payer, Rebalance("1m")],
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
