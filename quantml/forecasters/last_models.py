"""The average of the models that were fitted last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quantml.errors import ParameterError, check_whole
from quantml.faults import name_of
from quantml.forecasters.base import Fitted, Forecaster, Train, read_by
from quantml.forecasters.estimator import as_forecaster
from quantml.space import Declaration, Space, alternatives

__all__ = ["LastModels", "single"]


@dataclass(frozen=True)
class LastModels(Declaration):
    """Average the forecasts of the models that were fitted at the last `count` refits.

    Each test block, or each part of one that begins with a refit, is forecast by the model fitted for it and by the
    `count - 1` models fitted before, across the edges of folds: an older model knows less, never more. Each model is
    fitted once, with the parameters that tuning chose in its own fold, and reads its own features. The first blocks
    have fewer models.

    Means and probabilities are averaged, each model counting alike, those without a forecast of a row left out; the
    variance is that of the mixture, the mean of the variances and the variance of the means. The folds inside a
    training window, on which tuning scores its candidates, use one model each.

    It stands as the `forecaster` of a study that walks forward, and may hold a `Combined`, whose members are then
    averaged before they are combined.

    Parameters
    ----------
    forecaster : Forecaster or scikit-learn estimator
    count : int
        How many models, at least 1; no search space, since a block is forecast by models of other folds.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    forecaster: Forecaster | Any
    count: int = 3

    def __post_init__(self) -> None:
        if isinstance(self.count, Space):
            hint = "Make a study of each count."
            raise ParameterError("LastModels.count", must="hold no search space", got=str(self.count), hint=hint)
        object.__setattr__(self, "count", check_whole("LastModels.count", self.count, least=1))
        if any(isinstance(part, LastModels) for part in alternatives(self.forecaster)):
            raise ParameterError("LastModels.forecaster", must="be another forecaster", got="LastModels")
        super().__post_init__()

    def fit(self, train: Train) -> Fitted:
        """Fit one model: the walk-forward averages it with others."""
        return as_forecaster(self.forecaster).fit(read_by(name_of(self.forecaster), train))


def single(forecaster: Forecaster | Any) -> Forecaster | Any:
    """Return what is fitted once: the forecaster inside a `LastModels`, else the forecaster itself."""
    return forecaster.forecaster if isinstance(forecaster, LastModels) else forecaster
