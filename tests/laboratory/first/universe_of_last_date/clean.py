"""The four stocks that rose most in the year before are members for a year."""

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
    spells = []
    for year in sorted(set(close.index.year + 1)):
        before = close.loc[str(year - 1)]
        best = (before.iloc[-1] / before.iloc[0]).nlargest(4).index
        start, end = pd.Timestamp(year, 1, 1), pd.Timestamp(year + 1, 1, 1)
        spells += [{"symbol": symbol, "start": start, "end": end} for symbol in best]
    return Membership(pd.DataFrame(spells))


study = Study(
    data=DATA,
    signal=[RankLongShort(fraction=0.5, by=Momentum(63), short=False), Rebalance("1m")],
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
    universe=universe(),
)
