"""A target over ten bars that says its labels are known at the decision: the last ten training rows of each fold
end inside the test block."""

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum, Returns
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import Target
from quantml.timing import UNKNOWN


class Jump:
    horizon = 10
    start = "close"

    def build(self, bars, fill):
        close = bars.close
        values = (close.shift(-self.horizon) / close - 1).to_numpy()
        row = np.arange(len(close))[:, None]
        end = np.where(np.isnan(values), UNKNOWN, row)
        return Target(bars.clock, bars.symbols, values, end, self.horizon, self.start, "return", "jump")


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Returns(1), Momentum(21)],
    target=Jump(),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
