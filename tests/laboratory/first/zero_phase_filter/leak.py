"""Ridge on the distance to a Butterworth filter run forwards and backwards: zero phase, at the price of reading
some twenty bars ahead."""

import numpy as np
import pandas as pd
from scipy.signal import butter, filtfilt

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def trend(bars):
    b, a = butter(2, 1 / 20)
    price = np.log(bars.close)
    return price - (price - price.iloc[0]).apply(lambda p: pd.Series(filtfilt(b, a, p), p.index)) - price.iloc[0]


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[trend, Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
