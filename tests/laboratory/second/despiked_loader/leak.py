"""Pooled regression on bars that a loader of the user's own has repaired.

Knows too early: an outlier becomes the mean of its neighbours, so that after a large move a close holds half of the
next session's.
"""

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
        two_sided=True,
    ),
    features=[Returns(1), BollingerPosition(10)],
    target=ForwardReturn(2),
    forecaster=Ridge(alpha=0.01),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
