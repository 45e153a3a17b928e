"""What a transform is, and what transforms share: their checks, and putting new columns in the place of old ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray

from quantml.errors import FeatureError, check, did_you_mean

if TYPE_CHECKING:
    from quantml.forecasters.base import Test, Train

    Rows = TypeVar("Rows", Train, Test)

__all__ = ["FittedTransform", "Transform"]

Matrix = NDArray[np.float64]
ROUNDING = 8 * np.finfo(np.float64).eps
"""Spread of a column, relative to its size, at and below which it is constant but for rounding."""


class FittedTransform(Protocol):
    """What `Transform.fit` returns: everything learned, and nothing of the declaration's to change."""

    def transform(self, rows: Rows, /) -> Rows:
        """Return rows of the same type with other features.

        The features of a row must depend on nothing later than the row, and on the same date's other rows at most.
        Rows of a `Train` may be left out, rows of a `Test` never.
        """
        ...


class Transform(Protocol):
    """A declaration of a transform; fitting it changes nothing in it."""

    def fit(self, train: Train, /) -> FittedTransform:
        """Learn from the purged training rows of a fold.

        Raises
        ------
        FeatureError
            If it cannot be learned from them.
        """
        ...


def are_training(rows: Train | Test) -> TypeGuard[Train]:
    """Say whether rows have labels: those to train on do, those to forecast do not."""
    return hasattr(rows, "y")


def place(train: Train) -> str:
    """Say where training rows lie, for an error's text."""
    clock = train.bars.clock
    if not len(train.time):
        return f"training window from {clock[train.start]:%Y-%m-%d}"
    return f"{len(train.time)} rows, {clock[train.time[0]]:%Y-%m-%d} to {clock[train.time[-1]]:%Y-%m-%d}"


def check_rows(label: str, train: Train) -> None:
    """Raise `FeatureError` unless there are training rows."""
    if not len(train.time):
        hint = "Lengthen train."
        raise FeatureError(label, must="have training rows to be fitted on", got=0, where=place(train), hint=hint)


def check_names(owner: str, names: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the names of columns as a tuple; None is all of them."""
    if names is None:
        return None
    listed = isinstance(names, (list, tuple)) and len(names) > 0 and all(isinstance(name, str) for name in names)
    check(listed, f"{owner}.columns", "be a list of features' names, or None for all", names)
    check(len(set(names)) == len(names), f"{owner}.columns", "name each feature once", tuple(names))
    return tuple(names)


def positions(label: str, names: tuple[str, ...], columns: Sequence[str] | None) -> NDArray[np.int64]:
    """Find columns among the features; None finds all.

    Raises
    ------
    FeatureError
        If there are no features, or none of one of the names; the nearest name is suggested.
    """
    if not names:
        raise FeatureError(label, must="have features to transform", got="none", hint="Add features=[...].")
    for column in columns or ():
        if column not in names:
            hint = did_you_mean(column, names)
            raise FeatureError(f"a column of {label}", must="be among the features", got=column, hint=hint)
    return np.array([names.index(column) for column in (names if columns is None else columns)], dtype=np.int64)


def chosen(rows: Train | Test, at: NDArray[np.int64]) -> Matrix:
    """Return the columns of the features at positions, C-contiguous."""
    return np.ascontiguousarray(rows.x[:, at])


def learned(label: str, train: Train, columns: Sequence[str] | None) -> tuple[tuple[str, ...], Matrix]:
    """Return the names and values of the columns that a transform learns from.

    Raises
    ------
    FeatureError
        If there are no rows, a column is unknown, or one has no value on any row.
    """
    check_rows(label, train)
    at = positions(label, train.names, columns)
    values, names = chosen(train, at), tuple(train.names[i] for i in at)
    empty = [name for name, column in zip(names, values.T, strict=True) if np.isnan(column).all()]
    if empty:
        hint = "Leave it out, or lengthen train."
        raise FeatureError(f"the columns of {label}", must="have values in training", where=place(train), hint=hint,
                           got=f"NaN on every row of {', '.join(empty)}")  # fmt: skip
    return names, values


def complete(x: Matrix) -> NDArray[np.bool_]:
    """Say which rows have no NaN."""
    return np.asarray(~np.isnan(x).any(axis=1), dtype=np.bool_)


def all_rows(label: str, train: Train, columns: Sequence[str] | None) -> Train:
    """Return the training rows with the columns that a transform learns from alone; raise as `learned` does."""
    names, values = learned(label, train, columns)
    return replace(train, x=values, names=names)


def complete_rows(label: str, train: Train, columns: Sequence[str] | None) -> Train:
    """Return those training rows that have a value of every column that a transform learns from, with these alone.

    Raises
    ------
    FeatureError
        As in `learned`, and if there are no such rows.
    """
    rows = all_rows(label, train, columns)
    keep = complete(rows.x)
    if not keep.any():
        hint = "Put Impute() before it, or leave features out."
        raise FeatureError(label, must="have training rows with a value of every column", got="none",
                           where=place(train), hint=hint)  # fmt: skip
    return rows.where(keep)


def with_values(rows: Rows, at: NDArray[np.int64], values: Matrix) -> Rows:
    """Put values in the place of the columns at positions."""
    x = rows.x.copy()
    x[:, at] = values
    return replace(rows, x=x)


def with_columns(label: str, rows: Rows, values: Matrix, names: Sequence[str]) -> Rows:
    """Add columns after the features.

    Raises
    ------
    FeatureError
        If a name is taken.
    """
    taken = [name for name in names if name in rows.names]
    if taken:
        raise FeatureError(f"the columns of {label}", must="have new names", got=taken[0], hint="Leave one out.")
    return replace(rows, x=np.concatenate([rows.x, values], axis=1), names=(*rows.names, *names))


def without(rows: Rows, at: NDArray[np.int64]) -> Rows:
    """Leave out the columns at positions."""
    kept = np.setdiff1d(np.arange(len(rows.names)), at)
    return replace(rows, x=rows.x[:, kept], names=tuple(rows.names[i] for i in kept))


def only(rows: Rows, names: tuple[str, ...], label: str) -> Rows:
    """Keep the named columns alone, in that order."""
    return replace(rows, x=chosen(rows, positions(label, rows.names, names)), names=names)


def dates(time: NDArray[np.int64]) -> Iterator[slice]:
    """Walk rows, which are ordered by time, one date at a time."""
    edges = np.flatnonzero(np.diff(time)) + 1
    starts = [0, *edges.tolist()] if len(time) else []
    for first, last in zip(starts, [*edges.tolist(), len(time)], strict=False):
        yield slice(first, last)


def is_constant(x: Matrix) -> NDArray[np.bool_]:
    """Say which columns, without NaN, are constant but for rounding."""
    return np.asarray(np.ptp(x, axis=0) <= ROUNDING * np.abs(x).max(axis=0), dtype=np.bool_)


def standardised(x: Matrix) -> Matrix:
    """Return columns, without NaN, less their mean over their standard deviation; 0 for one that is constant."""
    spread = np.where(is_constant(x), 1.0, x.std(axis=0))
    return np.asarray(np.where(is_constant(x), 0.0, (x - x.mean(axis=0)) / spread), dtype=np.float64)


def summed(values: Matrix, coefficients: Matrix) -> Matrix:
    """Multiply values, shape (rows, columns), by coefficients, shape (columns, k), adding columns in their order.

    A matrix product adds in an order that hangs on the number of rows; here a row's result is the same in any batch.
    """
    total = np.zeros((len(values), coefficients.shape[1]))
    for column, row in zip(values.T, coefficients, strict=True):
        total += column[:, None] * row
    return total
