"""Ridge on a lead-lag pair of features.

The lagged one is moved by dates the wrong way: it knows the return 2 days ahead.
"""

from dataclasses import dataclass

import pandas as pd
from pandas.tseries.offsets import BDay

from quantml import Costs, Study, WalkForward
from quantml.features import Returns
from quantml.forecasters import Ridge
from quantml.loaders import Synthetic
from quantml.signals import Sign
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class Moved:
    """The one-day return, moved along the calendar."""

    offset: pd.DateOffset

    def __call__(self, bars):
        """Compute it on bars."""
        return bars.returns().shift(freq=self.offset).reindex(bars.clock).fillna(0.0)


study = Study(
    data=Synthetic(symbols=3, sessions=1500, seed=4),
    features=[Returns(1), Moved(-BDay(2))],
    target=ForwardReturn(horizon=1),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    validation=WalkForward(train="2y", test="1y"),
)
