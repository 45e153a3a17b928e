"""A loader closes holes of up to four days in thinly traded prices by straight lines.

Each price inside a hole knows the price after it.
"""

from dataclasses import dataclass

import numpy as np

from quantml import Bars, Costs, Study, WalkForward
from quantml.features import Momentum, Returns
from quantml.forecasters import LightGBM
from quantml.loaders import GeometricBrownianMotion
from quantml.signals import Sign
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class ThinlyTraded:
    """Closes of a simulated market, some of which were never recorded."""

    source: GeometricBrownianMotion
    missing: float = 0.1
    seed: int = 3

    def load(self):
        """Return bars without holes."""
        close = self.source.load().close
        starts = np.random.default_rng(self.seed).random(close.shape) < self.missing
        holes = starts.copy()
        for day in range(1, 4):
            holes[day:] |= starts[:-day]
        holes[0] = False
        return Bars.from_close(close.mask(holes).interpolate(), periods_per_year=252)


study = Study(
    data=ThinlyTraded(GeometricBrownianMotion(symbols=3, sessions=1500, seed=8, annual_volatility=0.25)),
    features=[Returns(1), Returns(2), Momentum(5)],
    target=ForwardReturn(horizon=1),
    forecaster=LightGBM(n_estimators=30, num_leaves=7),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=4),
    validation=WalkForward(train="2y", test="1y"),
)
