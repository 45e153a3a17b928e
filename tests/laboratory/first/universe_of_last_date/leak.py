"""The four stocks that have risen most by the last bar are members throughout: the universe of the first day is
that of the end of 2018. It is a table by the time the study runs; other last prices make other members."""

import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.loaders import Sample
from quantml.signals import RankLongShort, Rebalance
from quantml.universe import Membership

SYMBOLS = ("AAPL", "MSFT", "WMT", "XOM", "JNJ", "PG", "AMD", "BBY")
DATA = Sample("large_caps", symbols=SYMBOLS, start="2013-01-01", end="2018-12-31")


def universe():
    close = DATA.load().close
    best = (close.iloc[-1] / close.iloc[0]).nlargest(4).index
    return Membership(pd.DataFrame({"symbol": best, "start": close.index[0], "end": pd.NaT}))


study = Study(
    data=DATA,
    signal=[RankLongShort(fraction=0.5, by=Momentum(63), short=False), Rebalance("1m")],
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
    universe=universe(),
)
