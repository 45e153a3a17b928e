"""The analysis of variance of a table whose cells were each tried several times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from quantml.errors import DataError


@dataclass(frozen=True)
class Part:
    """A part of the variance of a table.

    Attributes
    ----------
    squares : float
        Sum of squares.
    degrees : int
        Degrees of freedom.
    share : float
        Of the sum of squares over all; NaN where nothing varies.
    by_chance : float
        The share to be expected if nothing but chance told cells apart: that of the degrees of freedom.
    """

    squares: float
    degrees: int
    share: float
    by_chance: float


@dataclass(frozen=True)
class Variance:
    """Where the variance of a table comes from: rows, columns, the two together, and tries of the same cell."""

    rows: Part
    columns: Part
    together: Part
    within: Part


def two_way(values: ArrayLike) -> Variance:
    """Split the variance of a balanced table: two factors, and n tries of every combination of them.

    With y_ijk the k-th try in row i and column j, and a dot where a mean is taken over an index, the sum of squares
    over all is that of rows, bn sum (y_i.. - y_...)^2; of columns, an sum (y_.j. - y_...)^2; of the two together,
    n sum (y_ij. - y_i.. - y_.j. + y_...)^2; and within cells, sum (y_ijk - y_ij.)^2 (Montgomery, Design and Analysis
    of Experiments, chapter 5, the two-factor factorial design).

    Parameters
    ----------
    values : array_like, shape (a, b, n)

    Returns
    -------
    Variance
        All NaN where a value is.

    Raises
    ------
    DataError
        If there are not three dimensions, or no value.

    Examples
    --------
    >>> found = two_way([[[1, 3], [2, 4]], [[5, 7], [10, 8]]])
    >>> [part.squares for part in (found.rows, found.columns, found.together, found.within)]
    [50.0, 8.0, 2.0, 8.0]
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 3 or not table.size:
        raise DataError("a table of tries", must="have rows, columns and tries", got=f"shape {table.shape}")
    rows, columns, tries = table.shape
    cell = table.mean(axis=2)
    row, column, grand = cell.mean(axis=1, keepdims=True), cell.mean(axis=0, keepdims=True), cell.mean()
    squares = (
        columns * tries * np.sum((row - grand) ** 2),
        rows * tries * np.sum((column - grand) ** 2),
        tries * np.sum((cell - row - column + grand) ** 2),
        np.sum((table - cell[:, :, None]) ** 2),
    )
    degrees = (rows - 1, columns - 1, (rows - 1) * (columns - 1), rows * columns * (tries - 1))
    return Variance(*(_part(float(one), free, float(sum(squares)), table.size - 1)
                      for one, free in zip(squares, degrees, strict=True)))  # fmt: skip


def _part(squares: float, degrees: int, whole: float, most: int) -> Part:
    share = squares / whole if whole > 0.0 else float("nan")
    return Part(squares, degrees, share, degrees / most if most else float("nan"))
