"""Activity of a month in all its vintages, each from its own release on."""

import pandas as pd

from quantml import Costs, Exogenous, Fill, Study, WalkForward
from quantml.features import Momentum, Outside
from quantml.forecasters import Linear
from quantml.loaders import Sample
from quantml.signals import Proportional
from quantml.targets import ForwardReturn


def vintages():
    """The month's print, and its revision when the two months that follow are over."""
    close = Sample("indices", symbols=["^GSPC"], start="2011-01-01").load().close["^GSPC"]
    month = close.resample("ME").last().pct_change().iloc[1:-1]
    late = month.rolling(3).mean().shift(-2)
    first = pd.DataFrame({"activity": month, "released": month.index + pd.Timedelta(days=20)})
    last = pd.DataFrame({"activity": late, "released": month.index + pd.DateOffset(days=90)}).dropna()
    return pd.concat([first, last]).sort_values("released").sort_index(kind="stable")


study = Study(
    data=Sample("indices", start="2012-01-01"),
    features=[Outside("macro", "activity"), Momentum(21)],
    target=ForwardReturn(horizon=21),
    forecaster=Linear(),
    signal=Proportional(scale=10.0),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    exogenous=[Exogenous(vintages(), name="macro", available_at="released")],
    validation=WalkForward(train="2y", test="1y"),
)
