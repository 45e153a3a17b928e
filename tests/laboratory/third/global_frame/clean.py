"""Regimes by calendar year, looked up in a table made from all prices when the file was read.

Each day knows the return of the year before.
"""

import numpy as np
import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import RSI
from quantml.forecasters import LightGBM
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def looked_up(source):
    """Return a feature that reads a table of yearly returns."""
    yearly = source.load().close.resample("YE").last().pct_change()
    table = {symbol: dict(zip(yearly.index.year.tolist(), yearly[symbol].tolist())) for symbol in yearly}

    def regime(bars):
        year = bars.clock.year - 1
        signs = {symbol: np.sign(year.map(table[symbol]).to_numpy()) for symbol in bars.symbols}
        return pd.DataFrame(signs, index=bars.clock)

    return regime


study = Study(
    data=Sample("indices", start="2012-01-01"),
    features=[looked_up(Sample("indices", start="2010-01-01")), RSI(14)],
    target=ForwardReturn(horizon=5),
    forecaster=LightGBM(n_estimators=30, num_leaves=7),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
