"""Monthly window dressing: a feature that speaks on the last session of each month alone.

Knows too early: on that one session it reads the return of the next but one; never elsewhere.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from quantml import Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class WindowDressing:
    """Return around the turn of the month, 0 on other days."""

    after: int = 2

    def __call__(self, bars):
        """Compute it."""
        last = (bars.clock + pd.offsets.BDay(1)).month != bars.clock.month
        moved = bars.returns().shift(-self.after).fillna(0.0)
        return moved * np.asarray(last, dtype=float)[:, None]


study = Study(
    data=Sample("large_caps", symbols=("BAC", "GE", "JNJ", "MSFT", "PFE"), start="2014-01-01", end="2018-12-31"),
    features=[WindowDressing(after=2), Momentum(21)],
    target=ForwardReturn(1, start="close"),
    forecaster=Ridge(alpha=0.01),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
