"""A stacked feature: each year's predictions of a regression on the years before, less the labels that had not
ended."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def stacked(bars):
    close, out = bars.close, bars.close * np.nan
    year = bars.clock.year
    for symbol in out:
        x = pd.DataFrame({span: close[symbol].pct_change(span) for span in (1, 5, 21)}).fillna(0.0)
        y = close[symbol].pct_change(5)
        for this in sorted(set(year))[1:]:
            before = x[year < this].iloc[21:-5], y[year < this].iloc[26:]
            model = LinearRegression().fit(before[0].to_numpy(), before[1].to_numpy())
            out.loc[year == this, symbol] = model.predict(x[year == this].to_numpy())
    return out


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[stacked, Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
