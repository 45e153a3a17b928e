"""Dividend capture: the yield of a payment counts on its ex-date and for ten sessions after."""

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


def dividend_yield(bars):
    """Yield of a dividend around its date."""
    paid = bars.dividends / bars.raw.close
    return paid.replace(0.0, np.nan).ffill(limit=10).fillna(0.0)


study = Study(
    data=Sample("stocks", symbols=("AAPL", "IBM", "MSFT"), start="2007-01-01"),
    features=[dividend_yield, Momentum(21)],
    target=ForwardReturn(5),
    forecaster=Ridge(alpha=0.01),
    signal=RankLongShort(0.34),
    costs=Costs(spread_bps=2),
    fill=Fill.NEXT_OPEN,
    validation=WalkForward(train="2y", test="1y"),
)
