"""Ridge on what the first principal component does not explain, the component of each year being that of the years
before."""

import numpy as np
from sklearn.decomposition import PCA

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


def residual(bars):
    returns = bars.close.pct_change().fillna(0.0)
    left = returns * np.nan
    for year in sorted(set(bars.clock.year))[1:]:
        known, now = returns[bars.clock.year < year], bars.clock.year == year
        model = PCA(n_components=1).fit(known)
        left.loc[now] = returns.loc[now] - model.inverse_transform(model.transform(returns.loc[now]))
    return left.rolling(10).sum()


study = Study(
    data=Sample(
        "large_caps", symbols=("AAPL", "MSFT", "WMT", "XOM", "JNJ", "PG"), start="2013-01-01", end="2018-12-31"
    ),
    features=[residual, Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=RankLongShort(fraction=0.34),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
