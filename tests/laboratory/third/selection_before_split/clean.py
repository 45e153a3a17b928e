"""Keep the three lags of the return that the next return goes with best, judged on each fold's training rows."""

from dataclasses import dataclass

from quantml import Costs, Fill, Study, WalkForward
from quantml.features.transforms import SelectUnivariate
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class LaggedReturn:
    """The return of a day some bars ago."""

    lag: int

    def __call__(self, bars):
        """Compute it on bars."""
        return bars.returns().shift(self.lag)


study = Study(
    data=Sample("indices", start="2012-01-01"),
    features=[LaggedReturn(lag) for lag in range(1, 31)],
    transforms=[SelectUnivariate(keep=3)],
    target=ForwardReturn(horizon=1, start="close"),
    forecaster=Ridge(alpha=1.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
