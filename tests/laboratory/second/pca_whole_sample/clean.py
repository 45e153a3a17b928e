"""How far each stock has run away from the panel's first component, fitted each January to the years before."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from quantml import Study, WalkForward
from quantml.features import Returns
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class Runaway:
    """Sum over `window` bars of what the first component leaves."""

    window: int = 10

    def __call__(self, bars):
        """Compute it."""
        returns = bars.returns().fillna(0.0)
        parts = [returns.loc[returns.index.year == returns.index.year[0]] * np.nan]
        for year, rows in list(returns.groupby(returns.index.year))[1:]:
            model = PCA(1).fit(returns[returns.index.year < year])
            parts.append(rows - model.inverse_transform(model.transform(rows)))
        return pd.concat(parts).rolling(self.window).sum()


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "BAC", "CVX", "JPM", "KO", "XOM"), start="2014-01-01", end="2018-12-31"),
    features=[Runaway(), Returns(1)],
    target=ForwardReturn(3),
    forecaster=Ridge(alpha=1.0),
    signal=RankLongShort(0.34),
    validation=WalkForward(train="2y", test="1y"),
)
