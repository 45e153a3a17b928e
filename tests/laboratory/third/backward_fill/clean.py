"""Anchor each day to a Friday's close by an as-of join; it takes the last Friday's."""

import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import RSI
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


def from_friday(bars):
    """The close against that of the joined Friday."""
    days = pd.DataFrame({"day": bars.clock})
    fridays = bars.close[bars.clock.dayofweek == 4].reset_index(names="day")
    joined = pd.merge_asof(days, fridays, on="day", direction="backward").set_index("day")
    return (bars.close / joined[list(bars.symbols)] - 1.0).reindex(bars.clock)


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "BAC", "CVX", "JNJ", "KO", "XOM"), start="2014-01-01"),
    features=[from_friday, RSI(14)],
    target=ForwardReturn(horizon=2),
    forecaster=Ridge(alpha=10.0),
    signal=RankLongShort(fraction=0.34),
    costs=Costs(commission_bps=1, spread_bps=4),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
