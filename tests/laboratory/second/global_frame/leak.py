"""A feature that looks rows up in a frame made at import; quantml refuses to run it.

Knows too early: the frame holds all closes, and a row reads the close three sessions after its own.
"""

from quantml import Study, WalkForward
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

panel = Sample("large_caps", symbols=("AAPL", "JPM", "KO", "XOM"), start="2014-01-01", end="2018-12-31")
CLOSES = panel.load().close


def three_day(bars):
    """Three-day return."""
    at = CLOSES.index.get_indexer(bars.clock)
    end = (at + 3).clip(max=len(CLOSES) - 1)
    return (CLOSES.iloc[end].set_axis(bars.clock) / CLOSES.iloc[at].set_axis(bars.clock)) - 1


study = Study(
    data=panel,
    features=[three_day],
    target=ForwardReturn(5),
    forecaster=Ridge(),
    signal=RankLongShort(0.5),
    validation=WalkForward(train="2y", test="1y"),
)
