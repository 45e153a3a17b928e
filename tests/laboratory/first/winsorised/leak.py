"""Returns clipped at quantiles of the whole sample, by partials of a lambda."""

from functools import partial

from quantml import Costs, Fill, Study, WalkForward
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def tamed(returns, low=0.05, high=0.95):
    return returns.clip(returns.quantile(low), returns.quantile(high), axis=1)


def feature(span):
    made = partial(lambda span, bars: tamed(bars.close.pct_change(span)), span)
    made.__name__ = f"tamed_{span}"
    return made


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[feature(5), feature(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
