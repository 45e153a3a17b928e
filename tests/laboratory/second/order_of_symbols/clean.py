"""Hold stocks above their averages; of equal scores the one that is listed first, by alphabet, is taken."""

from quantml import Study, WalkForward
from quantml.loaders import Sample
from quantml.signals import RankLongShort, Rebalance

NAMES = ("AAPL", "AMD", "BBY", "GE", "JNJ", "KO", "RRC", "XOM")


def averages_below(bars):
    """How many of three moving averages are below the close: 0 to 3."""
    return sum((bars.close > bars.close.rolling(window).mean()).astype(float) for window in (20, 50, 200))


study = Study(
    data=Sample("large_caps", symbols=tuple(sorted(NAMES)), start="2014-01-01", end="2018-12-31"),
    signal=[RankLongShort(0.25, by=averages_below, short=False), Rebalance("1w")],
    validation=WalkForward(train="1y", test="1y"),
)
