"""A stacked feature: out-of-fold predictions of scikit-learn's `cross_val_predict` with shuffled folds over the
whole sample, so that each row's model was fitted on rows years later, labels included."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_predict

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def stacked(bars):
    close, out = bars.close, bars.close * np.nan
    for symbol in out:
        x = pd.DataFrame({span: close[symbol].pct_change(span) for span in (1, 5, 21)})
        y = close[symbol].shift(-5) / close[symbol] - 1
        known = x.notna().all(axis=1) & y.notna()
        folds = KFold(5, shuffle=True, random_state=0)
        out.loc[known, symbol] = cross_val_predict(LinearRegression(), x[known], y[known], cv=folds)
    return out


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[stacked, Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
