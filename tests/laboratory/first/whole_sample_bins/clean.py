"""Volatility regimes by the share of calmer days so far."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample


def regime(_, context):
    risk = context.bars.close.pct_change().rolling(21).std()
    bins = risk.expanding(21).rank(pct=True)
    return (bins <= 0.6).astype(float) / 2


study = Study(
    data=Sample("indices", start="2013-01-01"),
    signal=regime,
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
