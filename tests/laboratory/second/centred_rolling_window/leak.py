"""A transform smooths each symbol's rows of a block before the regression.

Knows too early: the nine-row window is centred, so that a row to forecast holds the features of four later rows.
"""

from dataclasses import dataclass, replace

import pandas as pd

from quantml import Study, WalkForward
from quantml.features import RSI, Returns
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class Smooth:
    """Average each symbol's features over neighbouring rows."""

    window: int = 9
    centre: bool = True

    def fit(self, train):
        """Nothing is learned."""
        return FittedSmooth(self.window, self.centre)


@dataclass(frozen=True)
class FittedSmooth:
    """What `Smooth` returns."""

    window: int
    centre: bool

    def transform(self, rows):
        """Smooth the rows symbol by symbol."""
        table = pd.DataFrame(rows.x)
        smooth = table.groupby(rows.symbol).transform(
            lambda x: x.rolling(self.window, min_periods=1, center=self.centre).mean()
        )
        return replace(rows, x=smooth.to_numpy())


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "BAC", "KO", "MRK", "WMT"), start="2014-01-01", end="2018-12-31"),
    features=[Returns(1), RSI(14)],
    transforms=[Smooth()],
    target=ForwardReturn(3),
    forecaster=Ridge(alpha=10.0),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
