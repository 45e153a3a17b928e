"""A signal step that leaves each weight on the day of its forecast."""

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum, Returns
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.targets import ForwardReturn


def aligned(forecast, context):
    """Put each weight on the day on which it earns."""
    return np.sign(forecast.frame).fillna(0.0) / 2


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Returns(1), Momentum(5)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=aligned,
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
