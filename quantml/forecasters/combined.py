"""Several forecasters side by side, their forecasts combined by what each erred before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.errors import ForecastError, ParameterError
from quantml.faults import name_of, users_code
from quantml.forecasters.base import Fitted, Forecaster, RowForecast, Test, Train, read_by
from quantml.forecasters.estimator import as_forecaster
from quantml.forecasters.last_models import LastModels
from quantml.forecasters.mixtures import mix
from quantml.forecasters.weightings import EqualWeights, Weighting
from quantml.space import Declaration, alternatives

__all__ = ["Combined", "FittedCombined"]


@dataclass(frozen=True)
class Combined(Declaration):
    """Forecast by several forecasters, weighted by what their out-of-sample forecasts erred before.

    Each member is fitted once for each refit, on the same rows. The weights of a decision at t hang on errors at rows
    whose label has ended by t alone, over the whole out-of-sample record, across the edges of folds; in tuning, over
    the inner validation blocks so far. Where the target is 0 or 1 members are probabilities, and so is the
    combination; for classes it is the expected class. The variance is that of the mixture, where all members have one.
    A row that a member has no forecast of is left to the others.

    It stands as the `forecaster` of a study, or in a `LastModels` there. `Run.forecasts` has a column for each member's
    forecast and one for its weight.

    Parameters
    ----------
    members : sequence of forecasters or scikit-learn estimators
        At least one; they may hold search spaces.
    weighting : Weighting
        `EqualWeights`, `InverseErrors`, `LeastSquares`, or an object of your own with ``weigh(errors)``.

    Raises
    ------
    ParameterError
        If there is no member, one is itself a `Combined` or `LastModels`, or the weighting cannot weigh.

    References
    ----------
    Timmermann (2006), Forecast Combinations, Handbook of Economic Forecasting 1, chapter 4.
    """

    members: Sequence[Forecaster | Any]
    weighting: Weighting = field(default_factory=EqualWeights)

    def __post_init__(self) -> None:
        listed = isinstance(self.members, (tuple, list)) and len(self.members) > 0
        if not listed:
            raise ParameterError("Combined.members", must="list at least one forecaster", got=self.members)
        object.__setattr__(self, "members", tuple(self.members))
        for part in (one for member in self.members for one in alternatives(member)):
            if isinstance(part, (Combined, LastModels)):
                hint = "List its members here." if isinstance(part, Combined) else "Write LastModels(Combined([...]))."
                raise ParameterError("a member of Combined", must="forecast by itself", got=name_of(part), hint=hint)
            as_forecaster(part)
        for part in alternatives(self.weighting):
            if isinstance(part, type) or not callable(getattr(part, "weigh", None)):
                hint = "Write InverseErrors(), or EqualWeights()."
                raise ParameterError("Combined.weighting", must="have a method 'weigh'", got=part, hint=hint)
        super().__post_init__()

    def has_enough(self, x: NDArray[np.float64]) -> bool:
        """Say whether rows are enough for each member that tells."""
        return all(getattr(as_forecaster(member), "has_enough", len)(x) for member in self.members)

    def fit(self, train: Train) -> FittedCombined:
        """Fit each member; the first draws by the fit's own seed, each other by one of its own."""
        fitted = tuple(_fitted(member, _seeded(train, place)) for place, member in enumerate(self.members))
        return FittedCombined(self.members, fitted, train.question.is_binary, len(train.y))


@dataclass(frozen=True, eq=False)
class FittedCombined(ReadOnly):
    """Fitted members.

    Attributes
    ----------
    declared : tuple of forecasters
    fitted : tuple of Fitted
    is_binary : bool
        Whether the target is 0 or 1.
    rows_given : int
        Training rows that there were.
    """

    declared: Sequence[Any]
    fitted: tuple[Fitted, ...]
    is_binary: bool
    rows_given: int

    @property
    def rows_used(self) -> int:
        """The most training rows that a member learned from."""
        return max(int(getattr(part, "rows_used", self.rows_given)) for part in self.fitted)

    def predict(self, test: Test) -> RowForecast:
        """Forecast each row by each member, and by all of them alike: what they erred before is not known here."""
        rows = [_predicted(*pair, test) for pair in zip(self.declared, self.fitted, strict=True)]
        means = np.stack([part.mean for part in rows], axis=-1)
        variances = _stacked([part.variance for part in rows])
        mean, variance = mix(means, variances, np.full(len(rows), 1.0 / len(rows)))
        return RowForecast(mean, mean if self.is_binary else None, variance, means, variances)


def _fitted(member: Any, train: Train) -> Fitted:
    with users_code(member, f"{name_of(member)}.fit", ForecastError):
        return as_forecaster(member).fit(read_by(name_of(member), train))


def _predicted(member: Any, fitted: Fitted, test: Test) -> RowForecast:
    name = f"{name_of(member)}.predict"
    with users_code(member, name, ForecastError):
        rows = fitted.predict(test)
    if not isinstance(rows, RowForecast) or np.shape(rows.mean) != (len(test.time),):
        hint = "Return RowForecast(mean=numbers), of quantml.forecasters."
        raise ForecastError(name, must="return a RowForecast with one number per row", got=type(rows).__name__,
                            hint=hint)  # fmt: skip
    return rows


def _seeded(train: Train, place: int) -> Train:
    """Give each member but the first a seed of its own."""
    if place == 0:
        return train
    return replace(train, seed=np.random.SeedSequence(train.seed.entropy, spawn_key=(*train.seed.spawn_key, 0, place)))


def _stacked(parts: Sequence[NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    """Stack what all members have."""
    held = [part for part in parts if part is not None]
    return np.stack(held, axis=-1) if len(held) == len(parts) else None
