"""Hold stocks into the ex-dates that are to be expected, a quarter after the last."""

from quantml import Costs, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import HistoricalMean
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def capture(weights, context):
    """Double what is about to pay, and keep a quarter of the rest."""
    paid = (context.bars.dividends > 0.0).astype(float)
    soon = paid.rolling(5, min_periods=1).max().shift(59, fill_value=0.0) > 0.0
    return weights.frame * soon.replace({True: 2.0, False: 0.25})


study = Study(
    data=Sample("stocks", start="2005-01-01", symbols=["IBM", "MSFT", "GOOG"]),
    features=[Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=HistoricalMean(),
    signal=[Sign(), capture],
    costs=Costs(commission_bps=1, spread_bps=2),
    validation=WalkForward(train="2y", test="1y"),
)
