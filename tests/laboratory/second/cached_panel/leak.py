"""A feature that looks each row up in a panel loaded through a cache, not in the bars it is given.

Knows too early: the cached panel is complete, and a row reads the close three sessions after its own. It never
reads the bars of the run, so that cutting those alone changes nothing; changing the sample does.
"""

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
    end = (at + 3).clip(max=len(table) - 1)
    return table.iloc[end].set_axis(bars.clock) / table.iloc[at].set_axis(bars.clock) - 1


study = Study(
    data=Sample("large_caps", symbols=NAMES, start="2014-01-01", end="2018-12-31"),
    features=[three_day],
    target=ForwardReturn(5),
    forecaster=Ridge(),
    signal=RankLongShort(0.5),
    validation=WalkForward(train="2y", test="1y"),
)
