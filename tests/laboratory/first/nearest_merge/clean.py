"""A weekly table is joined to days by `merge_asof` backward: the last Wednesday."""

import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def sentiment(bars):
    """A weekly survey, read off the breadth of Wednesdays' closes."""
    days = pd.DataFrame({"day": bars.clock})
    out = {}
    for symbol in bars.symbols:
        weekly = bars.close[symbol].pct_change(10)[bars.clock.dayofweek == 2]
        table = pd.DataFrame({"day": weekly.index, "value": weekly.to_numpy()})
        out[symbol] = pd.merge_asof(days, table, on="day", direction="backward")["value"].to_numpy()
    return pd.DataFrame(out, bars.clock)


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[sentiment, Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
