"""How well a stock has rewarded its holders lately, of labels that are known, as a feature for a ridge regression."""

from dataclasses import dataclass

import pandas as pd

from quantml import Fill, Study, WalkForward
from quantml.features import RealisedVolatility
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn, TargetRule, latest_known


@dataclass(frozen=True)
class RecentReward:
    """Mean of the target over the last `window` decisions."""

    target: TargetRule
    window: int = 10

    def __call__(self, bars):
        """Compute it."""
        known = latest_known(self.target.build(bars, Fill.NEXT_CLOSE))
        return pd.DataFrame(known, bars.clock, bars.symbols).rolling(self.window, min_periods=1).mean()


goal = ForwardReturn(5, start="close")
study = Study(
    data=Sample("large_caps", symbols=("AAPL", "AMD", "CVX", "JPM", "KO"), start="2014-01-01", end="2018-12-31"),
    features=[RecentReward(goal), RealisedVolatility(21)],
    target=goal,
    forecaster=Ridge(alpha=1.0),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
