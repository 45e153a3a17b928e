"""The four stocks that the study is about are those that rose most until the end of 2013, before its first bar."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.loaders import Sample
from quantml.signals import RankLongShort, Rebalance


def best(count=4):
    close = Sample("large_caps", start="2012-01-01", end="2013-12-31").load().close
    return tuple((close.iloc[-1] / close.iloc[0]).nlargest(count).index)


study = Study(
    data=Sample("large_caps", symbols=best(), start="2014-01-01", end="2018-12-31"),
    signal=[RankLongShort(fraction=0.5, by=Momentum(63), short=False), Rebalance("1m")],
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
