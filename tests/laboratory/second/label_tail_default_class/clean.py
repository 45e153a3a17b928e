"""Will the stock fall by four per cent in the next fifteen bars? A custom target for a logistic model.

What has not fallen is known fifteen bars later, and unknown where the bars end before.
"""

from dataclasses import dataclass

import numpy as np

from quantml import Study, WalkForward
from quantml.features import Momentum, RealisedVolatility
from quantml.forecasters import Logistic
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import Target
from quantml.timing import UNKNOWN


@dataclass(frozen=True)
class NoFall:
    """1.0 where the close stays above ``1 - depth`` of today's for `horizon` bars, else 0.0."""

    horizon: int = 15
    depth: float = 0.04

    def build(self, bars, fill):
        """Compute the labels."""
        close = bars.array("close")
        rows, symbols = close.shape
        values = np.ones_like(close)
        known = np.repeat(np.arange(rows)[:, None], symbols, axis=1) + self.horizon
        values[-self.horizon :], known[-self.horizon :] = np.nan, UNKNOWN
        for step in range(self.horizon, 0, -1):
            fallen = close[step:] < close[:-step] * (1 - self.depth)
            values[:-step][fallen] = 0.0
            known[:-step][fallen] = (np.arange(rows)[:-step, None] + np.full(symbols, step))[fallen]
        return Target(bars.clock, bars.symbols, values, known, self.horizon, "close", "direction", "no fall")


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "AMD", "BAC", "GE", "RRC"), start="2014-01-01", end="2018-12-31"),
    features=[Momentum(21), RealisedVolatility(21)],
    target=NoFall(),
    forecaster=Logistic(),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y", refit="3m"),
)
