"""A forecaster behind transforms of its features, all fitted on the same training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from quantml.errors import FeatureError, ForecastError
from quantml.faults import name_of
from quantml.features.transforms.base import FittedTransform, Transform
from quantml.features.transforms.estimator import as_transform
from quantml.forecasters.base import Fitted, Forecaster, RowForecast, Test, Train, read_by
from quantml.forecasters.estimator import as_forecaster
from quantml.space import Declaration

__all__ = ["FittedTransformed", "Transformed", "transformed"]


@dataclass(frozen=True)
class Transformed(Declaration):
    """Transforms, and the forecaster that learns from what they make of the features.

    Each transform is fitted on what those before it made of the training rows; rows to forecast pass through the
    fitted ones in the same order. A study builds this from its ``transforms`` by itself.

    Parameters
    ----------
    transforms : sequence of transforms
        Of `quantml.features.transforms`, a user's own, or scikit-learn's.
    forecaster : Forecaster or scikit-learn estimator

    Raises
    ------
    ParameterError
        In `fit`, if a transform or the forecaster is not one.
    """

    transforms: tuple[Any, ...]
    forecaster: Forecaster | Any

    def validate(self) -> None:
        """Keep the transforms as a tuple."""
        object.__setattr__(self, "transforms", tuple(self.transforms))

    def fit(self, train: Train) -> FittedTransformed:
        """Fit the transforms, one after another, then the forecaster.

        Raises
        ------
        FeatureError
            If a transform cannot be fitted.
        ForecastError
            If the forecaster cannot.
        """
        fitted, rows = [], train
        for number, part in enumerate(self.transforms):
            fitted.append(_fitted(as_transform(part), read_by(name_of(part), rows), number))
            rows = fitted[-1].transform(rows)
        forecaster = as_forecaster(self.forecaster).fit(read_by(name_of(self.forecaster), rows))
        return FittedTransformed(tuple(fitted), forecaster, train.names, len(rows.time), len(train.time))


@dataclass(frozen=True, eq=False)
class FittedTransformed:
    """Fitted transforms and a fitted forecaster.

    Attributes
    ----------
    transforms : tuple of FittedTransform
    forecaster : Fitted
    names : tuple of str
        The features before the transforms.
    rows_left, rows_given : int
        Training rows that the transforms left, and those that there were.
    """

    transforms: tuple[FittedTransform, ...]
    forecaster: Fitted
    names: tuple[str, ...]
    rows_left: int
    rows_given: int

    @property
    def rows_used(self) -> int:
        """Training rows that the forecaster learned from."""
        return int(getattr(self.forecaster, "rows_used", self.rows_left))

    def predict(self, test: Test) -> RowForecast:
        """Transform the rows, then forecast each.

        Raises
        ------
        FeatureError
            If a transform returns other rows than it was given.
        ForecastError
            If the features are not those of the training rows, or the forecaster cannot forecast.
        """
        if test.names != self.names:
            must = f"be those that they were fitted to, {list(self.names)}"
            raise ForecastError("the features of transforms", must=must, got=list(test.names))
        return self.forecaster.predict(self.transform(test))

    def transform(self, test: Test) -> Test:
        """Return the rows as the forecaster sees them."""
        rows = test
        for part in self.transforms:
            rows = part.transform(rows)
            if not (np.array_equal(rows.time, test.time) and np.array_equal(rows.symbol, test.symbol)):
                got = f"{len(rows.time)} of {len(test.time)}"
                raise FeatureError(type(part).__name__, must="keep every row to forecast, in its order", got=got)
        return rows


def transformed(transforms: Sequence[Any], forecaster: Forecaster | Any) -> Forecaster | Any:
    """Put transforms before a forecaster; without any, return the forecaster itself."""
    return Transformed(tuple(transforms), forecaster) if transforms else forecaster


def _fitted(transform: Transform, train: Train, number: int) -> FittedTransform:
    """Fit a transform with a seed of its own, so that the forecaster's is free of how many transforms there are."""
    seed = np.random.SeedSequence(train.seed.entropy, spawn_key=(*train.seed.spawn_key, number))
    return transform.fit(replace(train, seed=seed))
