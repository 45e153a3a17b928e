"""A tuning objective of returns alone: their mean over their deviation, less for a deep drawdown."""

from quantml import Choice, Costs, Fill, Study, Tuning, WalkForward
from quantml.loaders import Sample
from quantml.signals import MovingAverageCross


def after_costs(returns):
    equity = (1 + returns).cumprod()
    fall = (equity / equity.cummax() - 1).min()
    return float(returns.mean() / returns.std() + 0.1 * fall)


study = Study(
    data=Sample("indices", start="2013-01-01"),
    signal=MovingAverageCross(fast=Choice(5, 20), slow=Choice(50, 150), short=True),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
    tuning=Tuning(after_costs),
)
