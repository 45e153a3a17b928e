"""Ridge on the distance to the last swing low, which is entered at its own bar, although it takes five more bars to
be one."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import argrelextrema

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

ORDER = 5


@dataclass(frozen=True)
class Support:
    order: int = ORDER

    def __call__(self, bars):
        out = bars.low * np.nan
        for symbol in out:
            low = bars.low[symbol].to_numpy()
            at = argrelextrema(low, np.less_equal, order=self.order)[0]
            at = at[at + self.order < len(low)]
            out.iloc[at, out.columns.get_loc(symbol)] = low[at]
        return bars.close / out.ffill() - 1


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Support(), Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
