"""A moving-average cross whose lengths are tuned inside each fold, on its training window."""

from quantml import Choice, Costs, Fill, Study, Tuning, WalkForward
from quantml.loaders import Sample
from quantml.signals import MovingAverageCross

study = Study(
    data=Sample("indices", start="2013-01-01"),
    signal=MovingAverageCross(fast=Choice(5, 10, 20), slow=Choice(50, 100, 150), short=True),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
    tuning=Tuning("sharpe_ratio"),
)
