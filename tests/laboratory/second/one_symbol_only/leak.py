"""Momentum with a correction for stocks whose exchange reports late: a mapping of symbols to lags.

Knows too early: for one of six stocks the lag is negative, and its return is read two sessions ahead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from quantml import Study, WalkForward
from quantml.features import RSI
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class LaggedMomentum:
    """Return over `window` bars, each symbol with a lag of its own."""

    window: int = 5
    lags: Mapping[str, int] = field(default_factory=lambda: {"LLY": -2, "RRC": 1})

    def __call__(self, bars):
        """Compute it."""
        change = bars.close.pct_change(self.window)
        return pd.DataFrame({name: change[name].shift(self.lags.get(name, 0)) for name in bars.symbols})


study = Study(
    data=Sample("large_caps", symbols=("BAC", "HD", "KO", "LLY", "PFE", "RRC"), start="2014-01-01", end="2018-12-31"),
    features=[LaggedMomentum(), RSI(14)],
    target=ForwardReturn(5),
    forecaster=Ridge(alpha=0.1),
    signal=RankLongShort(0.34),
    validation=WalkForward(train="2y", test="1y"),
)
