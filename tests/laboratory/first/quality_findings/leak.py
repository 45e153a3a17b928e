"""A feature counts the findings of quantml's own `Spike` rule, which knows a spike by the return of the next bar."""

import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample, check_quality
from quantml.loaders.quality import Spike
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def odd(bars):
    """Count the odd moves of the last month."""
    marks = bars.close * 0.0
    for symbol in bars.symbols:
        for finding in check_quality(bars, rules=[Spike(deviations=1.5)]).for_symbol(symbol):
            marks.loc[pd.Timestamp(finding.date), symbol] = 1.0
    return marks.rolling(21, min_periods=1).sum()


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[odd, Momentum(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
