"""Momentum whose window was found by scikit-learn's cross-validation before the study.

Knows too early: the cross-validation at import scores every window on all years, the test years among them. Cutting
the bars of a run cannot show it; importing on changed prices can.
"""

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_score

from quantml import Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Linear
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

panel = Sample("large_caps", symbols=("BBY", "CVX", "HD", "MSFT", "PFE"), start="2014-01-01", end="2018-12-31")


def score(window):
    """Mean out-of-fold R2 of a window."""
    close = panel.load().close
    x, y = close.pct_change(window).to_numpy()[130:-6], close.pct_change(5).shift(-6).to_numpy()[130:-6]
    folds = KFold(5, shuffle=True, random_state=1)
    return np.mean(cross_val_score(LinearRegression(), x.reshape(-1, 1), y.reshape(-1), cv=folds))


study = Study(
    data=panel,
    features=[Momentum(max((5, 10, 21, 42, 63, 126), key=score))],
    target=ForwardReturn(5),
    forecaster=Linear(),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
