"""Hold an index while a Savitzky-Golay slope of its log close is positive.

Each slope is that at the end of its 21 bars.
"""

import numpy as np
import pandas as pd
from scipy.signal import savgol_coeffs

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample

WINDOW = 21


def slope(prices, at):
    """Fit a parabola to each window and take its slope at one position."""
    kernel = savgol_coeffs(WINDOW, 2, deriv=1, pos=at, use="dot")
    before = at
    padded = np.pad(np.log(prices.to_numpy()), ((before, WINDOW - 1 - before), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=0)
    return pd.DataFrame(windows @ kernel, index=prices.index, columns=prices.columns)


def trend(_, context):
    """Hold half of equity in each index that rises."""
    return (slope(context.bars.close, at=WINDOW - 1) > 0) * 0.5


study = Study(
    data=Sample("indices", start="2012-01-01"),
    signal=trend,
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
