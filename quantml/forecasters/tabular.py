"""Forecasters that learn from rows of features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from quantml.errors import ForecastError
from quantml.forecasters.base import Question, RowForecast, Test, Train
from quantml.space import Declaration

__all__ = ["FittedTabular", "RowModel", "Tabular", "check_target", "refuse_probability", "require_probability"]

ROUNDING = 1e-12
"""Spread of a target, relative to its size, at and below which it is constant but for rounding."""


class RowModel(Protocol):
    """A function learned from rows: features in, one number per row out."""

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the expected target of each row of `x`, shape (rows, features): a probability where it is 0 or 1."""
        ...


class Tabular(Declaration, ABC):
    """Base of forecasters that learn a function of a row's features: write `learn`, the rest is here.

    Rows with a NaN feature are left out of training and have a NaN forecast, unless the class sets
    `accepts_missing`. The learned function is called on one date at a time, all rows of the date together, so that
    a forecast is the same in a long block and in a short one: a product of matrices rounds differently on batches
    of different shapes. A class whose function computes each row alone sets `row_by_row` and is called once.
    """

    accepts_missing: ClassVar[bool] = False
    row_by_row: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """What error messages call the forecaster."""
        return type(self).__name__

    @abstractmethod
    def learn(self, rows: Train) -> RowModel:
        """Learn from training rows that have been checked: at least one, finite features, a target that varies."""

    def check_question(self, question: Question) -> None:
        """Raise `ForecastError` if the forecaster cannot answer `question`; the base refuses a probability."""
        refuse_probability(self.label, question)

    def fit(self, train: Train) -> FittedTabular:
        """Learn from the rows of `train`.

        Returns
        -------
        FittedTabular

        Raises
        ------
        ForecastError
            If the question is not one for this forecaster, no rows are left, a feature has no value on any row or
            is infinite, or the target is constant.
        """
        self.check_question(train.question)
        rows = self._usable(train)
        check_target(self.label, rows)
        return FittedTabular(
            model=self.learn(rows),
            label=self.label,
            names=train.names,
            question=train.question,
            rows_used=len(rows.y),
            rows_given=len(train.y),
            accepts_missing=self.accepts_missing,
            row_by_row=self.row_by_row,
        )

    def has_enough(self, x: NDArray[np.float64]) -> bool:
        """Say whether rows of features are enough to learn from, wherever the target varies on them."""
        least = self.least_rows(x.shape[1])
        if self.accepts_missing:
            return len(x) >= least and not np.isnan(x).all()
        return int(complete(x).sum()) >= least

    def least_rows(self, features: int) -> int:
        """Return how many rows it needs to learn; the base says two, since the target must vary."""
        return 2

    def _usable(self, train: Train) -> Train:
        if not train.names:
            raise ForecastError(f"{self.label} must have at least one feature", got="none", hint="Add features=[...].")
        check_rows(self.label, train)
        _check_finite(self.label, train.x, train.names)
        if self.accepts_missing:
            if np.isnan(train.x).all():
                _raise_all_missing(self.label, train)
            return train
        keep = complete(train.x)
        if not keep.any():
            _raise_all_missing(self.label, train)
        return train.where(keep)


@dataclass(frozen=True, eq=False)
class FittedTabular:
    """A learned function of features.

    Attributes
    ----------
    model : RowModel
        The function.
    label : str
        What error messages call the forecaster.
    names : tuple of str
        The features, in order.
    question : Question
        What was asked.
    rows_used, rows_given : int
        Training rows that the function was learned from, and those that there were before rows with NaN features
        were left out.
    accepts_missing, row_by_row : bool
        As in `Tabular`.
    """

    model: RowModel
    label: str
    names: tuple[str, ...]
    question: Question
    rows_used: int
    rows_given: int
    accepts_missing: bool
    row_by_row: bool

    def predict(self, test: Test) -> RowForecast:
        """Forecast each row of `test`; NaN where a feature that the function needs is NaN.

        Raises
        ------
        ForecastError
            If the features are not those of the training rows, one is infinite, or the function returns anything
            but one finite number for each row.
        """
        if test.names != self.names:
            raise ForecastError(f"the features of {self.label}", must=f"be those it was fitted to, {list(self.names)}",
                                got=list(test.names))  # fmt: skip
        _check_finite(self.label, test.x, test.names)
        known = np.ones(len(test.x), dtype=np.bool_) if self.accepts_missing else complete(test.x)
        mean = np.full(len(test.x), np.nan)
        for rows in self._batches(test.time, np.flatnonzero(known)):
            mean[rows] = self._answers(test.x[rows])
        return RowForecast(mean, probability=mean if self.question.is_binary else None)

    def _batches(self, time: NDArray[np.int64], rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        if self.row_by_row or len(rows) == 0:
            return iter([rows] if len(rows) else [])
        return iter(np.split(rows, np.flatnonzero(np.diff(time[rows])) + 1))

    def _answers(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        answers = np.asarray(self.model.predict(x), dtype=np.float64)
        if answers.shape != (len(x),):
            raise ForecastError(self.label, must=f"forecast one number per row, shape {(len(x),)}", got=answers.shape)
        if not np.isfinite(answers).all():
            raise ForecastError(
                self.label, must="forecast finite numbers", got=float(answers[~np.isfinite(answers)][0])
            )
        return answers


def refuse_probability(label: str, question: Question) -> None:
    """Raise unless `question` asks for a number."""
    if question.is_binary:
        hint = "Use Logistic, LightGBM or a scikit-learn classifier for a probability."
        raise ForecastError(label, must="be asked for a return or a volatility", got=question.kind, hint=hint)


def require_probability(label: str, question: Question) -> None:
    """Raise unless `question` asks for the probability of a direction or of success."""
    if question.is_binary:
        return
    hint = "Use target=Direction(...), or a forecaster of numbers such as Ridge."
    if question.kind == "class":
        hint = "Use LightGBM or a scikit-learn classifier for three classes, or a Direction without a band."
    raise ForecastError(label, must="be asked for a direction", got=question.kind, hint=hint)


def window(train: Train) -> str:
    """Name the training window in an error message."""
    clock = train.bars.clock
    return f"training window {clock[train.start]:%Y-%m-%d} to {clock[-1]:%Y-%m-%d}"


def check_rows(label: str, train: Train) -> None:
    """Raise if there is no training row."""
    if len(train.y) == 0:
        left = f"0 rows left after purge and {'embargo' if train.embargo else 'warm-up'}"
        hint = f"Lengthen train, or shorten the horizon{' or the embargo' if train.embargo else ''}."
        raise ForecastError(f"{label} must have rows to train on", got=left, where=window(train), hint=hint)


def check_target(label: str, train: Train) -> None:
    """Raise if the target is not known, not of its kind, or constant on the training rows."""
    if not np.isfinite(train.y).all():
        raise ForecastError(f"the target of {label}", must="be finite on every training row",
                            got=float(train.y[~np.isfinite(train.y)][0]), where=window(train))  # fmt: skip
    where = f"all {len(train.y)} training rows, {window(train)}"
    hint = "Lengthen train, or change the target."
    if train.question.is_binary:
        asked, one = ("direction", "up") if train.question.kind == "direction" else ("success", "success")
        if not np.isin(train.y, (0.0, 1.0)).all():
            must = f"be 1.0 ({one}) or 0.0"
            raise ForecastError(f"a {asked}", must=must, got=float(train.y.max()), where=window(train))
        if np.ptp(train.y) == 0.0:
            only = "a constant target, " + (one if train.y[0] else f"not {one}")
            both = "directions" if asked == "direction" else "success and failure"
            raise ForecastError(f"{label} must see both {both} in training", got=only, where=where, hint=hint)
    elif np.ptp(train.y) <= ROUNDING * np.abs(train.y).max():
        only = f"a constant target, {train.y[0]:.6g}"
        raise ForecastError(f"{label} must see a target that varies in training", got=only, where=where, hint=hint)


def complete(x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which rows have a value of every feature."""
    return np.asarray(~np.any(np.isnan(x), axis=1), dtype=np.bool_)


def _check_finite(label: str, x: NDArray[np.float64], names: tuple[str, ...]) -> None:
    rows, columns = np.nonzero(np.isinf(x))
    if len(rows):
        raise ForecastError(f"feature {names[columns[0]]!r}", must=f"be finite or NaN for {label}",
                            got=float(x[rows[0], columns[0]]), where=f"{len(rows)} values")  # fmt: skip


def _raise_all_missing(label: str, train: Train) -> None:
    where = f"{len(train.y)} rows, {window(train)}"
    empty = [name for name, column in zip(train.names, train.x.T, strict=True) if np.isnan(column).all()]
    if empty:
        hint = "Leave it out, or lengthen train."
        gone = f"NaN on every row of {', '.join(empty)}"
        raise ForecastError(f"{label} must have features with values in training", got=gone, where=where, hint=hint)
    hint = "Lengthen train, or leave features out."
    none = "no row with a value of every feature"
    raise ForecastError(f"{label} must have rows to train on", got=none, where=where, hint=hint)
