"""Slope of the price by a Savitzky-Golay filter evaluated at the end of its window."""

import numpy as np
import pandas as pd
from scipy.signal import lfilter, savgol_coeffs

from quantml import Study, WalkForward
from quantml.features import RSI
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


class Slope:
    """First derivative of the log close."""

    window = 21
    degree = 2

    def __call__(self, bars):
        """Compute it."""
        level = np.log(bars.array("close"))
        taps = savgol_coeffs(self.window, self.degree, deriv=1, pos=self.window - 1)
        slope = lfilter(taps, 1.0, level, axis=0)
        slope[: self.window] = np.nan
        return pd.DataFrame(slope, bars.clock, bars.symbols)


study = Study(
    data=Sample("large_caps", symbols=("CVX", "GE", "HD", "LLY", "MSFT", "RRC"), start="2014-01-01", end="2018-12-31"),
    features=[Slope(), RSI(14)],
    target=ForwardReturn(5),
    forecaster=Ridge(alpha=0.001),
    signal=RankLongShort(0.34),
    validation=WalkForward(train="2y", test="1y"),
)
