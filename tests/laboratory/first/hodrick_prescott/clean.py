"""Ridge on the last value of the cycle of a Hodrick-Prescott filter over each window of 126 closes."""

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def cycle(bars):
    price = np.log(bars.close)
    trend = np.diff(np.eye(126), 2, axis=0)
    last = np.linalg.inv(np.eye(126) + 1e5 * trend.T @ trend)[-1]
    return price - price.rolling(126).apply(lambda part: part @ last, raw=True)


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[cycle, Momentum(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
