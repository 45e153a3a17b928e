"""A ridge forecast whose weights are "aligned with the returns they earn" in a last step.

Knows too early: each row's weights are those of the next one, so that they rest on one more close.
"""

from quantml import Study, WalkForward
from quantml.features import BollingerPosition, Returns
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


class Align:
    """Move weights along the clock."""

    rows = -1

    def __call__(self, weights, context):
        """Move them."""
        return weights.frame.shift(self.rows).ffill().fillna(0.0)


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "CVX", "JNJ", "JPM", "PG"), start="2014-01-01", end="2018-12-31"),
    features=[Returns(1), BollingerPosition(10)],
    target=ForwardReturn(1),
    forecaster=Ridge(alpha=1.0),
    signal=[RankLongShort(0.4), Align()],
    validation=WalkForward(train="2y", test="1y"),
)
