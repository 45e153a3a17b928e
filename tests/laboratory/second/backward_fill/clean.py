"""Monthly momentum brought to the daily clock, for a scikit-learn regression: that of the last month that is over."""

from functools import partial

import numpy as np
from sklearn.linear_model import BayesianRidge

from quantml import Study, WalkForward
from quantml.features import RSI
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


def monthly_return(bars, fill):
    """Log return of a calendar month, on sessions."""
    months = np.log(bars.close.resample("ME").last()).diff()
    return months.reindex(bars.clock, method=fill)


study = Study(
    data=Sample("large_caps", symbols=("AMD", "BBY", "HD", "JPM", "UNH"), start="2014-01-01", end="2018-12-31"),
    features=[partial(monthly_return, fill="ffill"), RSI(14)],
    target=ForwardReturn(5),
    forecaster=BayesianRidge(),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
