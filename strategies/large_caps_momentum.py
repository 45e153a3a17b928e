"""Hold those of twenty large stocks that have the best year behind them, skipping its last month."""

from quantml import Choice, Costs, Study, Tuning, WalkForward
from quantml.features import Momentum
from quantml.loaders import Sample
from quantml.signals import RankLongShort, Rebalance

study = Study(
    data=Sample("large_caps"),
    signal=[RankLongShort(fraction=Choice(0.25, 0.5), by=Momentum(252, skip=21), short=False), Rebalance("1m")],
    costs=Costs(commission_bps=1, spread_bps=4),
    validation=WalkForward(train="5y", test="1y"),
    tuning=Tuning("sharpe_ratio"),
)
