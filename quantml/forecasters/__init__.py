"""Forecasters: features and a target in, forecasts out.

A forecaster is a declaration whose ``fit(train)`` returns a separate fitted object with ``predict(test)``. Any
scikit-learn estimator, or object with ``fit(X, y)`` and ``predict(X)``, is one too (`as_forecaster`).
"""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = [
    "ARIMA",
    "Estimator",
    "Fitted",
    "Forecast",
    "Forecaster",
    "HistoricalMean",
    "LightGBM",
    "Linear",
    "Logistic",
    "Naive",
    "Question",
    "Ridge",
    "RowForecast",
    "Tabular",
    "Test",
    "Train",
    "as_forecaster",
]

if TYPE_CHECKING:
    from quantml.forecasters.base import Fitted as Fitted
    from quantml.forecasters.base import Forecast as Forecast
    from quantml.forecasters.base import Forecaster as Forecaster
    from quantml.forecasters.base import Question as Question
    from quantml.forecasters.base import RowForecast as RowForecast
    from quantml.forecasters.base import Test as Test
    from quantml.forecasters.base import Train as Train
    from quantml.forecasters.baseline import HistoricalMean as HistoricalMean
    from quantml.forecasters.baseline import Naive as Naive
    from quantml.forecasters.boosted import LightGBM as LightGBM
    from quantml.forecasters.estimator import Estimator as Estimator
    from quantml.forecasters.estimator import as_forecaster as as_forecaster
    from quantml.forecasters.learned import Linear as Linear
    from quantml.forecasters.learned import Logistic as Logistic
    from quantml.forecasters.learned import Ridge as Ridge
    from quantml.forecasters.statistical import ARIMA as ARIMA
    from quantml.forecasters.tabular import Tabular as Tabular
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "ARIMA": "statistical",
            "Estimator": "estimator",
            "Fitted": "base",
            "Forecast": "base",
            "Forecaster": "base",
            "HistoricalMean": "baseline",
            "LightGBM": "boosted",
            "Linear": "learned",
            "Logistic": "learned",
            "Naive": "baseline",
            "Question": "base",
            "Ridge": "learned",
            "RowForecast": "base",
            "Tabular": "tabular",
            "Test": "base",
            "Train": "base",
            "as_forecaster": "estimator",
        },
    )
