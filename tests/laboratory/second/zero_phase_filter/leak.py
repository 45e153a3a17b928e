"""Trade the slope of a Butterworth-filtered log price.

Knows too early: filtfilt runs forward and backward, so that the slope of a row rests on some twenty later closes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.signal import butter, filtfilt

from quantml import Study, WalkForward
from quantml.loaders import Sample
from quantml.signals import RankLongShort


@dataclass(frozen=True)
class FilteredSlope:
    """Daily change of the low-passed log close."""

    run: Callable
    cutoff: float = 0.08

    def __call__(self, bars):
        """Filter along time."""
        numerator, denominator = butter(2, self.cutoff)
        level = np.log(bars.array("close"))
        smooth = self.run(numerator, denominator, level - level[0], axis=0)
        return pd.DataFrame(smooth, bars.clock, bars.symbols).diff()


study = Study(
    data=Sample("large_caps", symbols=("CVX", "GE", "HD", "LLY", "MSFT", "RRC"), start="2014-01-01", end="2018-12-31"),
    signal=RankLongShort(0.34, by=FilteredSlope(filtfilt)),
    validation=WalkForward(train="2y", test="1y"),
)
