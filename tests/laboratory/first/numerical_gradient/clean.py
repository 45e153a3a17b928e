"""Ridge on half the difference of log prices over two bars back."""

import numpy as np
import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def slope(bars):
    price = np.log(bars.close)
    return pd.DataFrame(price.diff(2).to_numpy() / 2, bars.clock, list(bars.symbols))


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[slope, Momentum(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
