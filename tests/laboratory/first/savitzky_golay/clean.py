"""Ridge on the slope of a local parabola at the last bar of its window."""

import numpy as np
from scipy.signal import savgol_coeffs

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

WIDTH = 15


def speed(bars):
    """Slope of a local parabola."""
    price = np.log(bars.close)
    pull = savgol_coeffs(WIDTH, 2, deriv=1, pos=WIDTH - 1, use="dot")
    return price.rolling(WIDTH).apply(lambda part: part @ pull, raw=True)


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[speed, Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
