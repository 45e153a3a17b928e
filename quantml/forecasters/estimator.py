"""Any scikit-learn estimator as a forecaster."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from quantml.errors import ForecastError, ParameterError
from quantml.forecasters.base import Forecaster, Question, Train
from quantml.forecasters.tabular import RowModel, Tabular, refuse_probability, require_probability

__all__ = ["Estimator", "as_forecaster"]


@dataclass(frozen=True)
class Estimator(Tabular):
    """A scikit-learn estimator, or any object with ``fit(X, y)`` and ``predict(X)``.

    The estimator itself is never fitted: each fit works on a clone, or on a copy where it is no scikit-learn
    estimator. Its random states that are None, nested ones too, are set from the fit's seed. A number in ``n_jobs``
    becomes 1: work is spread over folds, and sums that threads add in any order would differ from run to run. A
    classifier is asked for a direction, success or classes and answers with ``predict_proba``, of which three classes
    take the expected value; anything else forecasts numbers with ``predict``. Arrays are passed, without names; sample
    weights as ``sample_weight``.

    A study wraps estimators by itself; write `Estimator` only to be explicit.

    Parameters
    ----------
    estimator : object

    Raises
    ------
    ParameterError
        If the estimator has no ``fit`` or no ``predict``.
    """

    estimator: Any

    def validate(self) -> None:
        """Raise `ParameterError` unless the estimator is an object with ``fit`` and ``predict``."""
        for name in ("fit", "predict"):
            if isinstance(self.estimator, type) or not callable(getattr(self.estimator, name, None)):
                rule = f"be an object with a method {name!r}"
                raise ParameterError("Estimator.estimator", must=rule, got=self.estimator)

    @property
    def label(self) -> str:
        """The estimator's own name."""
        return type(self.estimator).__name__

    def check_question(self, question: Question) -> None:
        """Raise `ForecastError` unless a classifier is asked for classes, another model for a number."""
        if not _classifies(self.estimator):
            return refuse_probability(self.label, question)
        if question.kind != "class":
            require_probability(self.label, question)
        if not hasattr(self.estimator, "predict_proba"):
            hint = "Wrap it in sklearn.calibration.CalibratedClassifierCV."
            raise ForecastError(self.label, must="have predict_proba, to forecast a direction", hint=hint)
        return None

    def learn(self, rows: Train) -> RowModel:
        """Fit a clone to the rows; a classifier's labels are whole numbers."""
        from sklearn.base import clone

        model = clone(self.estimator, safe=False)
        _prepare(model, rows)
        weight = {} if rows.weight is None else {"sample_weight": rows.weight}
        if weight and "sample_weight" not in inspect.signature(model.fit).parameters:
            hint = "Leave the study's sample_weight out, or use an estimator that takes one."
            raise ForecastError(self.label, must="take sample_weight in fit, where rows have weights", hint=hint)
        if rows.question.is_binary:
            model.fit(rows.x, rows.y.astype(np.int64), **weight)
            return _UpProbability(model)
        if _classifies(model):
            model.fit(rows.x, rows.y.astype(np.int64), **weight)
            return _ExpectedClass(model)
        model.fit(rows.x, rows.y, **weight)
        return _Estimated(model)


@dataclass(frozen=True, eq=False)
class _Estimated:
    """A fitted regressor."""

    estimator: Any

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self.estimator.predict(x), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _UpProbability:
    """A fitted classifier, read as the probability of its larger class, 1."""

    estimator: Any

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self.estimator.predict_proba(x)[:, 1], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _ExpectedClass:
    """A fitted classifier, read as the mean of its classes, each as likely as it says."""

    estimator: Any

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        shares = np.asarray(self.estimator.predict_proba(x), dtype=np.float64)
        return np.asarray((shares * np.asarray(self.estimator.classes_)).sum(axis=1), dtype=np.float64)


def _classifies(estimator: Any) -> bool:
    """Say whether an estimator calls itself a classifier or, where it is no scikit-learn estimator, acts as one."""
    if not hasattr(estimator, "__sklearn_tags__"):
        return hasattr(estimator, "predict_proba")
    from sklearn.base import is_classifier

    return bool(is_classifier(estimator))


def _prepare(model: Any, rows: Train) -> None:
    """Set what a clone's bytes would hang on: unset random states, and the number of threads."""
    parameters = model.get_params(deep=True) if hasattr(model, "get_params") else {}
    unset = [name for name, value in sorted(parameters.items()) if value is None and _last(name) == "random_state"]
    seeds = dict(zip(unset, rows.integers(len(unset)), strict=True))
    threads = {name: 1 for name, value in parameters.items() if _last(name) == "n_jobs" and isinstance(value, int)}
    if seeds or threads:
        model.set_params(**seeds, **threads)


def _last(name: str) -> str:
    return name.rpartition("__")[2]


def as_forecaster(model: Any) -> Forecaster:
    """Return `model` where it is a forecaster, else wrap it in `quantml.forecasters.Estimator`.

    Parameters
    ----------
    model : Forecaster, scikit-learn estimator, or any object with ``fit(X, y)`` and ``predict(X)``
        A forecaster is told by its ``fit``, which takes one argument.

    Raises
    ------
    ParameterError
        If `model` is neither.
    """
    if isinstance(model, type):
        hint = f"Write {model.__name__}()."
        raise ParameterError("a forecaster", must="be an object", got=model, hint=hint)
    if not (callable(getattr(model, "fit", None)) and inspect.signature(model.fit).parameters):
        hint = "Give a forecaster of quantml.forecasters, or a scikit-learn estimator."
        raise ParameterError("a forecaster", must="have a method 'fit'", got=model, hint=hint)
    if _takes_one_argument(model.fit):
        return cast(Forecaster, model)
    return Estimator(model)


def _takes_one_argument(method: Any) -> bool:
    parameters = inspect.signature(method).parameters.values()
    return len([p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]) == 1
