"""Hold an index while its fast moving average is above its slow one; both lengths tuned on the years before."""

from quantml import Choice, Costs, Fill, Study, Tuning, WalkForward
from quantml.loaders import Sample
from quantml.signals import MovingAverageCross

study = Study(
    data=Sample("indices"),
    signal=MovingAverageCross(fast=Choice(5, 10, 20, 50), slow=Choice(100, 150, 200, 250)),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,  # this index's published opens repeat the previous close in early years
    validation=WalkForward(train="4y", test="1y"),
    tuning=Tuning("sharpe_ratio"),
)
