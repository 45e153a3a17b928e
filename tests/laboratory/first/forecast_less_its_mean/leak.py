"""The sign of the forecast less its mean over the whole run, later forecasts included."""

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum, RealisedVolatility
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.targets import ForwardReturn


def surprise(forecast, context):
    """Trade the forecast beyond its usual level."""
    mean = forecast.frame
    return np.sign(mean - mean.mean()).fillna(0.0) / len(mean.columns)


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(21), RealisedVolatility(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=surprise,
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
