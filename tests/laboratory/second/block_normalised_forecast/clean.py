"""A custom forecaster that wraps a scikit-learn model and standardises its forecasts by those of the training rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import Ridge

from quantml import Study, WalkForward
from quantml.features import RSI, Momentum, RealisedVolatility
from quantml.forecasters import RowForecast
from quantml.loaders import Sample
from quantml.signals import Cap, Proportional
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class Standardised:
    """Forecast in standard deviations."""

    model: Any

    def fit(self, train):
        """Fit the model."""
        keep = np.isfinite(train.x).all(axis=1)
        model = type(self.model)(**self.model.get_params()).fit(train.x[keep], train.y[keep])
        seen = model.predict(train.x[keep])
        return FittedStandardised(model, float(seen.mean()), float(seen.std()))


@dataclass(frozen=True)
class FittedStandardised:
    """What `Standardised` returns."""

    model: Any
    centre: float
    spread: float

    def predict(self, test):
        """Forecast the rows."""
        mean = np.full(len(test.time), np.nan)
        keep = np.isfinite(test.x).all(axis=1)
        mean[keep] = self.model.predict(test.x[keep])
        return RowForecast(mean=(mean - self.centre) / self.spread)


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "BAC", "JNJ", "PEP", "WMT"), start="2014-01-01", end="2018-12-31"),
    features=[Momentum(21), RealisedVolatility(21), RSI(14)],
    target=ForwardReturn(5),
    forecaster=Standardised(Ridge(alpha=1.0)),
    signal=[Proportional(1.0), Cap(gross=1.0)],
    validation=WalkForward(train="2y", test="1y"),
)
