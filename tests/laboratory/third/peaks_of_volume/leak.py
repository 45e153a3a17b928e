"""Step aside for a week after a peak of volume.

A day is a peak only if the four days after it have less, so the step knows them.
"""

import numpy as np
import pandas as pd
from scipy.signal import find_peaks

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def peaks(volume):
    """Days of prominent volume, no two of them within a week."""
    found = np.zeros(len(volume))
    found[find_peaks(volume, distance=5, prominence=0.25)[0]] = 1.0
    return found


def aside(weights, context):
    """Hold nothing on a peak and on the four days that follow."""
    volume = np.log(context.bars.volume + 1.0)
    peak = pd.DataFrame({name: peaks(volume[name].to_numpy()) for name in volume}, index=volume.index)
    return weights.frame.where(peak.rolling(5, min_periods=1).max() == 0.0, 0.0)


study = Study(
    data=Sample("indices", start="2012-01-01"),
    features=[Momentum(21), Momentum(126)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=[Sign(), aside],
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
