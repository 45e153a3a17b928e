"""Training rows weigh more the closer their volatility is to the median of the fold's own training rows."""

from dataclasses import dataclass

import numpy as np

from quantml import Study, WalkForward
from quantml.features import Momentum, RealisedVolatility, Returns
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

panel = Sample("large_caps", symbols=("AAPL", "JPM", "KO", "PFE", "XOM"), start="2014-01-01", end="2018-12-31")


@dataclass(frozen=True)
class NearUsual:
    """Gaussian weight of the distance in logarithms."""

    column: int
    width: float = 0.3

    def weigh(self, train):
        """Weigh each row."""
        usual = np.nanmedian(train.x[:, self.column])
        distance = np.log(np.nan_to_num(train.x[:, self.column], nan=usual) / usual)
        return np.exp(-0.5 * (distance / self.width) ** 2) + 0.01


study = Study(
    data=panel,
    features=[Momentum(21), RealisedVolatility(21), Returns(1)],
    target=ForwardReturn(5),
    forecaster=Ridge(alpha=1.0),
    sample_weight=NearUsual(column=1),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
