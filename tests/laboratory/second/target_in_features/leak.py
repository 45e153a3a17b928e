"""How well a stock has rewarded its holders lately, as a feature for a ridge regression.

Knows too early: the mean is of forward returns stamped at their decision, five bars before the last of them is known.
"""

from dataclasses import dataclass

from quantml import Fill, Study, WalkForward
from quantml.features import RealisedVolatility
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn, TargetRule


@dataclass(frozen=True)
class RecentReward:
    """Mean of the target over the last `window` decisions."""

    target: TargetRule
    window: int = 10

    def __call__(self, bars):
        """Compute it."""
        labels = self.target.build(bars, Fill.NEXT_CLOSE).frame
        return labels.rolling(self.window, min_periods=1).mean()


goal = ForwardReturn(5, start="close")
study = Study(
    data=Sample("large_caps", symbols=("AAPL", "AMD", "CVX", "JPM", "KO"), start="2014-01-01", end="2018-12-31"),
    features=[RecentReward(goal), RealisedVolatility(21)],
    target=goal,
    forecaster=Ridge(alpha=1.0),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
