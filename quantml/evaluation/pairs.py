"""Reading realised values and their forecasts: aligned, finite, and paired."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantml.errors import DataError
from quantml.evaluation.series import Values, same_labels

Flags = NDArray[np.bool_]


def aligned(realised: ArrayLike, **others: ArrayLike) -> list[Values]:
    """Read arrays of one shape, time x symbol (a single series becomes one column).

    Returns
    -------
    list of ndarray, each shape (T, N)

    Raises
    ------
    DataError
        If shapes or labels differ, there are more than two dimensions, or a value is infinite.
    """
    arrays = [_read(realised, "realised")]
    for name, other in others.items():
        array = _read(other, name)
        if array.shape != arrays[0].shape:
            raise DataError(name, must=f"have the shape of realised, {arrays[0].shape}", got=array.shape)
        same_labels(realised, other, name)
        arrays.append(array)
    return arrays


def complete(realised: ArrayLike, **others: ArrayLike) -> list[Values]:
    """Read arrays of one shape and keep the cells in which none of them is NaN, as flat arrays."""
    arrays = aligned(realised, **others)
    known = known_everywhere(*arrays)
    return [array[known] for array in arrays]


def known_everywhere(*arrays: Values) -> Flags:
    """Flag the cells in which no array is NaN."""
    return np.asarray(np.logical_and.reduce([~np.isnan(array) for array in arrays]))


def mean(values: Values) -> float:
    """Average, NaN over nothing."""
    return float(values.mean()) if values.size else float("nan")


def _read(values: ArrayLike, name: str) -> Values:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim not in (1, 2):
        raise DataError(name, must="be one series, or time x symbol", got=f"an array of shape {array.shape}")
    array = array[:, None] if array.ndim == 1 else array
    if np.isinf(array).any():
        row, column = np.argwhere(np.isinf(array))[0].tolist()
        raise DataError(
            name, must="be finite or NaN", got=float(array[row, column]), where=f"row {row}, column {column}"
        )
    return array
