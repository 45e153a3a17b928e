"""Features are standardised with the mean and deviation of the whole sample and squashed: a scikit-learn scaler
fitted on the test years too."""

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

from quantml import Costs, Fill, Study, WalkForward
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def squashed(span):
    def feature(bars):
        x = bars.close.pct_change(span).fillna(0.0)
        scaled = StandardScaler().fit_transform(x)
        return pd.DataFrame(np.tanh(scaled), bars.clock, list(bars.symbols))

    feature.__name__ = f"squashed_{span}"
    return feature


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[squashed(5), squashed(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
