"""Pooled regression on bars that a loader has repaired: an outlier becomes the mean of itself and the close before."""

from loading import Despiked

from quantml import Study, WalkForward
from quantml.features import BollingerPosition, Returns
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

study = Study(
    data=Despiked(
        Sample("large_caps", symbols=("AMD", "BBY", "GE", "JPM", "RRC"), start="2014-01-01", end="2018-12-31"),
        two_sided=False,
    ),
    features=[Returns(1), BollingerPosition(10)],
    target=ForwardReturn(2),
    forecaster=Ridge(alpha=0.01),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
