"""Rank twenty large stocks by one pooled ridge regression: long the upper half, short the lower."""

from quantml import Choice, Costs, Study, Tuning, WalkForward
from quantml.features import RSI, Momentum, MovingAverageRatio, RealisedVolatility, Returns
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort, Rebalance
from quantml.targets import ForwardReturn

study = Study(
    data=Sample("large_caps"),
    features=[
        Returns(1),
        Returns(5),
        Momentum(21),
        Momentum(252, skip=21),
        MovingAverageRatio(fast=20, slow=100),
        RealisedVolatility(21),
        RealisedVolatility(126),
        RSI(14),
    ],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=Choice(10.0, 1000.0)),
    signal=[RankLongShort(fraction=0.5), Rebalance("1w")],
    costs=Costs(commission_bps=1, spread_bps=4),
    validation=WalkForward(train="4y", test="1y"),
    tuning=Tuning("sharpe_ratio"),
)
