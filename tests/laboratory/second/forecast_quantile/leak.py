"""A signal step that takes the strongest fifth of forecasts.

Knows too early: the threshold is the quantile of all forecasts that the step is given, those of later years among them.
"""

from dataclasses import dataclass

import numpy as np

from quantml import Study, WalkForward
from quantml.features import RSI, Momentum, RealisedVolatility
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Cap
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class Strongest:
    """Hold equal weights where the forecast is in the upper `share`."""

    share: float = 0.2

    def __call__(self, forecast, context):
        """Make the weights."""
        threshold = np.nanquantile(forecast.mean, 1 - self.share)
        return (forecast.frame > threshold) / len(context.bars.symbols)


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "BAC", "CVX", "HD", "PFE"), start="2014-01-01", end="2018-12-31"),
    features=[Momentum(21), RealisedVolatility(21), RSI(14)],
    target=ForwardReturn(5),
    forecaster=Ridge(alpha=1.0),
    signal=[Strongest(), Cap(gross=1.0)],
    validation=WalkForward(train="2y", test="1y"),
)
