"""A feature that looks rows up in the bars that it is given."""

from quantml import Study, WalkForward
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

panel = Sample("large_caps", symbols=("AAPL", "JPM", "KO", "XOM"), start="2014-01-01", end="2018-12-31")


def three_day(bars):
    """Three-day return."""
    closes = bars.close
    at = closes.index.get_indexer(bars.clock)
    begin = (at - 3).clip(min=0)
    return (closes.iloc[at].set_axis(bars.clock) / closes.iloc[begin].set_axis(bars.clock)) - 1


study = Study(
    data=panel,
    features=[three_day],
    target=ForwardReturn(5),
    forecaster=Ridge(),
    signal=RankLongShort(0.5),
    validation=WalkForward(train="2y", test="1y"),
)
