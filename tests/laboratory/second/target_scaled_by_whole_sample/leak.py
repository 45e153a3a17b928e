"""A custom target: the forward return in standard deviations of its stock, for support vector regression.

Knows too early: the deviation is over all bars, so that labels of training hold the volatility of the test years.
"""

from dataclasses import dataclass, field, replace

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVR

from quantml import Study, WalkForward
from quantml.features import Momentum, RealisedVolatility
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class Scaled:
    """Another target, divided by the stock's daily deviation."""

    inner: ForwardReturn = field(default_factory=lambda: ForwardReturn(5))

    def build(self, bars, fill):
        """Compute the labels."""
        target = self.inner.build(bars, fill)
        return replace(target, values=target.values / bars.returns().std().to_numpy(), kind="scaled", name="scaled")


study = Study(
    data=Sample("large_caps", symbols=("AMD", "GE", "JNJ", "KO", "RRC"), start="2014-01-01", end="2018-12-31"),
    features=[Momentum(21), RealisedVolatility(21)],
    target=Scaled(),
    forecaster=make_pipeline(StandardScaler(), LinearSVR(C=1.0, random_state=0)),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
