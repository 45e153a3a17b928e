"""Reversal filled at the close it is decided on.

The last step stamps each row of weights with the bar before, so that the fill at the next close is that very close.
"""

from dataclasses import dataclass

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample


@dataclass(frozen=True)
class Reversal:
    """Buy what fell more than the others today."""

    gross: float = 1.0

    def __call__(self, _, context):
        """Return the weights."""
        returns = context.bars.returns()
        wanted = -returns.sub(returns.mean(axis=1), axis=0)
        return wanted.div(wanted.abs().sum(axis=1), axis=0).fillna(0.0) * self.gross


def at_this_close(weights, context):
    """Leave no bar between the decision and its fill."""
    rows = weights.frame
    stamped = rows.iloc[1:].set_axis(context.bars.clock[:-1])
    return stamped.reindex(context.bars.clock, fill_value=0.0)


study = Study(
    data=Sample("large_caps", symbols=("BAC", "JPM", "KO", "PEP", "XOM"), start="2014-01-01"),
    signal=[Reversal(), at_this_close],
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
