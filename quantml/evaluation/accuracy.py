"""How good forecasts were: against what happened, and against another forecast.

Realised values come first, forecasts second: one series, or time x symbol arrays of one shape. A panel has NaN where
a symbol has no bar, no forecast, or a target that is not known yet; each function says which cells it leaves out, and
`forecast_accuracy` returns their number. Infinite values, and shapes or labels that differ, raise a `DataError`.
"""

from quantml.evaluation.comparison import (
    DieboldMariano,
    Loss,
    diebold_mariano,
    forecast_accuracy,
)
from quantml.evaluation.directions import (
    brier,
    directional_accuracy,
    f1,
    information_coefficient,
    information_coefficients,
    log_loss,
    precision,
    probability_error,
    recall,
)
from quantml.evaluation.point_forecasts import (
    absolute_error,
    coverage,
    mae,
    mase,
    pinball_loss,
    qlike,
    r2_out_of_sample,
    rmse,
    smape,
    squared_error,
    variance_loss,
)

__all__ = [
    "DieboldMariano",
    "Loss",
    "absolute_error",
    "brier",
    "coverage",
    "diebold_mariano",
    "directional_accuracy",
    "f1",
    "forecast_accuracy",
    "information_coefficient",
    "information_coefficients",
    "log_loss",
    "mae",
    "mase",
    "pinball_loss",
    "precision",
    "probability_error",
    "qlike",
    "r2_out_of_sample",
    "recall",
    "rmse",
    "smape",
    "squared_error",
    "variance_loss",
]
