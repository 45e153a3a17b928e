"""Hold stocks above their averages; of equal scores the one that is listed first is taken.

Knows too early: stocks are listed by their gain over the whole sample. The order is fixed at import and appears in no
formula: cutting the bars of a run cannot show it; importing on changed prices can.
"""

from quantml import Study, WalkForward
from quantml.loaders import Sample
from quantml.signals import RankLongShort, Rebalance

NAMES = ("AAPL", "AMD", "BBY", "GE", "JNJ", "KO", "RRC", "XOM")


def gain(name):
    """Total gain of a stock."""
    close = Sample("large_caps", symbols=(name,), start="2014-01-01", end="2018-12-31").load().close[name]
    return close.iloc[-1] / close.iloc[0]


def averages_below(bars):
    """How many of three moving averages are below the close: 0 to 3."""
    return sum((bars.close > bars.close.rolling(window).mean()).astype(float) for window in (20, 50, 200))


study = Study(
    data=Sample(
        "large_caps", symbols=tuple(sorted(NAMES, key=gain, reverse=True)), start="2014-01-01", end="2018-12-31"
    ),
    signal=[RankLongShort(0.25, by=averages_below, short=False), Rebalance("1w")],
    validation=WalkForward(train="1y", test="1y"),
)
