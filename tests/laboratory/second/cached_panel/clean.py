"""A feature that looks each row up in a panel loaded through a cache, three sessions back and no later."""

from functools import lru_cache

from quantml import Study, WalkForward
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

NAMES = ("AAPL", "JPM", "KO", "XOM")


@lru_cache(maxsize=1)
def closes():
    """Load the closes once."""
    return Sample("large_caps", symbols=NAMES, start="2014-01-01", end="2018-12-31").load().close


def three_day(bars):
    """Three-day return."""
    table = closes()
    at = table.index.searchsorted(bars.clock)
    begin = (at - 3).clip(min=0)
    return table.iloc[at].set_axis(bars.clock) / table.iloc[begin].set_axis(bars.clock) - 1


study = Study(
    data=Sample("large_caps", symbols=NAMES, start="2014-01-01", end="2018-12-31"),
    features=[three_day],
    target=ForwardReturn(5),
    forecaster=Ridge(),
    signal=RankLongShort(0.5),
    validation=WalkForward(train="2y", test="1y"),
)
