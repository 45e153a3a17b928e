"""Seasonality: the mean return of a stock in the calendar month so far, in this year and those before."""

from quantml import Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort, Rebalance
from quantml.targets import ForwardReturn


def seasonal(bars):
    """Mean daily return in this month of the year."""
    returns = bars.returns()
    return returns.groupby(bars.clock.month).transform(lambda month: month.expanding().mean())


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "GE", "HD", "KO", "WMT", "XOM"), start="2010-01-01", end="2018-12-31"),
    features=[seasonal, Momentum(21)],
    target=ForwardReturn(5),
    forecaster=Ridge(alpha=0.01),
    signal=[RankLongShort(0.34), Rebalance("1w")],
    validation=WalkForward(train="4y", test="1y"),
)
