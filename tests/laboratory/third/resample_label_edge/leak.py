"""On hourly bars, the daily close is joined back by the label that resampling gives.

It is the midnight before, so that the first hour knows the day's last.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from quantml import Bars, Costs, Study, WalkForward
from quantml.forecasters import Ridge
from quantml.signals import Sign
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class Hours:
    """Seven hourly bars on each weekday of a simulated market."""

    days: int = 1100
    seed: int = 5

    def load(self):
        """Return hourly bars in UTC."""
        draw = np.random.default_rng(self.seed)
        days = pd.bdate_range("2015-01-01", periods=self.days, tz="UTC")
        clock = pd.DatetimeIndex([day + pd.Timedelta(hours=14 + hour) for day in days for hour in range(7)])
        moves = draw.normal(0.0, 0.004, (len(clock), 2))
        return Bars.from_close(
            pd.DataFrame(100.0 * np.exp(moves.cumsum(axis=0)), index=clock, columns=["X", "Y"]), periods_per_year=1764
        )


def against_daily(bars):
    """The hour's close against the daily one."""
    daily = bars.close.resample("D").last().dropna()
    return bars.close / daily.reindex(bars.clock, method="ffill") - 1.0


study = Study(
    data=Hours(),
    features=[against_daily],
    target=ForwardReturn(horizon=2),
    forecaster=Ridge(alpha=1.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=1),
    validation=WalkForward(train="1y", test="6m"),
)
