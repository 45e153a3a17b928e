"""Forecasters: features and a target in, forecasts out.

A forecaster is a declaration whose ``fit(train)`` returns a separate fitted object with ``predict(test)``. Any
scikit-learn estimator, or object with ``fit(X, y)`` and ``predict(X)``, is one too (`as_forecaster`).
"""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = [
    "ARIMA",
    "Combined",
    "EqualWeights",
    "Errors",
    "Estimator",
    "Fitted",
    "Forecast",
    "Forecaster",
    "HistoricalMean",
    "InverseErrors",
    "LastModels",
    "LeastSquares",
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
    "Weighting",
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
    from quantml.forecasters.combined import Combined as Combined
    from quantml.forecasters.estimator import Estimator as Estimator
    from quantml.forecasters.estimator import as_forecaster as as_forecaster
    from quantml.forecasters.last_models import LastModels as LastModels
    from quantml.forecasters.learned import Linear as Linear
    from quantml.forecasters.learned import Logistic as Logistic
    from quantml.forecasters.learned import Ridge as Ridge
    from quantml.forecasters.statistical import ARIMA as ARIMA
    from quantml.forecasters.tabular import Tabular as Tabular
    from quantml.forecasters.weightings import EqualWeights as EqualWeights
    from quantml.forecasters.weightings import Errors as Errors
    from quantml.forecasters.weightings import InverseErrors as InverseErrors
    from quantml.forecasters.weightings import LeastSquares as LeastSquares
    from quantml.forecasters.weightings import Weighting as Weighting
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "ARIMA": "statistical",
            "Combined": "combined",
            "EqualWeights": "weightings",
            "Errors": "weightings",
            "Estimator": "estimator",
            "Fitted": "base",
            "Forecast": "base",
            "Forecaster": "base",
            "HistoricalMean": "baseline",
            "InverseErrors": "weightings",
            "LastModels": "last_models",
            "LeastSquares": "weightings",
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
            "Weighting": "weightings",
            "as_forecaster": "estimator",
        },
    )
