"""Fade the overnight gap, filled at the next open, on a synthetic panel.

Knows too early: the gap is that of the very open at which the decision of the evening before is filled.
"""

from functools import partial

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Returns
from quantml.forecasters import LightGBM
from quantml.loaders import Synthetic
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


def gap(bars, session):
    """Open of a session over the close before it."""
    gaps = bars.open / bars.close.shift() - 1
    return gaps.shift(session)


study = Study(
    data=Synthetic(symbols=4, sessions=1250, seed=5, sharpe=1.0),
    features=[partial(gap, session=-1), Returns(1)],
    target=ForwardReturn(1, start="close"),
    forecaster=LightGBM(n_estimators=30, num_leaves=7, min_child_samples=40),
    signal=RankLongShort(0.5),
    costs=Costs(spread_bps=2),
    fill=Fill.NEXT_OPEN,
    validation=WalkForward(train="2y", test="6m"),
)
