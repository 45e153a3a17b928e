"""Transforms of many columns into fewer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.errors import FeatureError, check
from quantml.features.transforms.base import (
    Matrix,
    check_names,
    chosen,
    complete_rows,
    is_constant,
    place,
    positions,
    summed,
    with_columns,
    without,
)
from quantml.space import Declaration

if TYPE_CHECKING:
    from quantml.forecasters.base import Test, Train

    Rows = TypeVar("Rows", Train, Test)

__all__ = ["ClusterFeatures", "PrincipalComponents"]


@dataclass(frozen=True)
class PrincipalComponents(Declaration):
    """Replace columns by their first principal components over the training rows.

    Columns are centred, not scaled: put `Standardise` before it where their units differ. Training rows with NaN are
    left out; a row with NaN has NaN components. Each component's largest coefficient in size is positive. The
    components stand last, called ``"component 1"`` and so on.

    Parameters
    ----------
    keep : int or float
        A whole number is how many components to keep; a number between 0 and 1 keeps the fewest that explain at least
        this share of the variance.
    columns : sequence of str, optional
        Names of the features to reduce; all by default.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    keep: int | float
    columns: tuple[str, ...] | None = None

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        holds = _is_whole(self.keep, 1) or (isinstance(self.keep, (float, np.floating)) and 0.0 < self.keep < 1.0)
        check(holds, "PrincipalComponents.keep", "be a whole number of at least 1, or between 0.0 and 1.0", self.keep)
        object.__setattr__(self, "columns", check_names("PrincipalComponents", self.columns))

    def fit(self, train: Train) -> FittedPrincipalComponents:
        """Find the components.

        Raises
        ------
        FeatureError
            If there are no rows without NaN, a column is unknown, or fewer columns vary than components are kept.
        """
        rows = complete_rows("PrincipalComponents", train, self.columns)
        centre = rows.x.mean(axis=0)
        coefficients, variance = principal_components(rows.x - centre)
        count = self._count(variance)
        if count > len(variance):
            raise FeatureError("PrincipalComponents.keep", must=f"be at most {len(variance)}, the columns that vary "
                               "apart from each other", got=count, where=place(train))  # fmt: skip
        return FittedPrincipalComponents(rows.names, centre, coefficients[:, :count], variance)

    def _count(self, variance: Matrix) -> int:
        if _is_whole(self.keep, 1):
            return int(self.keep)
        return int(np.searchsorted(np.cumsum(variance) / variance.sum(), self.keep) + 1) if len(variance) else 1


@dataclass(frozen=True, eq=False)
class FittedPrincipalComponents(ReadOnly):
    """Components of columns.

    Attributes
    ----------
    names : tuple of str
        The columns.
    centre : ndarray of float64, shape (columns,)
        Their training means.
    coefficients : ndarray of float64, shape (columns, components)
        Each component has length 1.
    variance : ndarray of float64
        Variance (ddof=1) in training along every component, the kept ones first.
    """

    names: tuple[str, ...]
    centre: Matrix
    coefficients: Matrix
    variance: Matrix

    def transform(self, rows: Rows) -> Rows:
        """Replace the columns by the components."""
        at = positions("PrincipalComponents", rows.names, self.names)
        values = summed(chosen(rows, at) - self.centre, self.coefficients)
        names = [f"component {number + 1}" for number in range(values.shape[1])]
        return with_columns("PrincipalComponents", without(rows, at), values, names)


def principal_components(centred: Matrix) -> tuple[Matrix, Matrix]:
    """Return coefficients, shape (columns, components), and variances (ddof=1) of centred rows, largest first.

    Directions in which nothing varies but for rounding are left out.
    """
    _, size, right = np.linalg.svd(centred, full_matrices=False)
    varies = size > max(centred.shape) * np.finfo(np.float64).eps * size.max(initial=0.0)
    right, size = right[varies], size[varies]
    largest = np.abs(right).argmax(axis=1)
    right = right * np.sign(right[np.arange(len(right)), largest])[:, None]
    return np.ascontiguousarray(right.T), size**2 / max(len(centred) - 1, 1)


@dataclass(frozen=True)
class ClusterFeatures(Declaration):
    """Replace groups of columns that move together by the average of each group's standardised columns.

    Columns are joined by average linkage on 1 - correlation over the training rows, as long as the average
    correlation between two groups is at least `correlation`. A column that joins no other is left as it is, and so
    is a constant one; columns that mirror each other, with a negative correlation, stay apart. Training rows with
    NaN are left out; a row with NaN in a column of a group has a NaN average. Averages stand last, called
    ``"mean(A, B)"``.

    Parameters
    ----------
    correlation : float
        Between 0 and 1.
    columns : sequence of str, optional
        Names of the features to join; all by default.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    correlation: float = 0.8
    columns: tuple[str, ...] | None = None

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        holds = isinstance(self.correlation, (float, np.floating)) and 0.0 < self.correlation < 1.0
        check(holds, "ClusterFeatures.correlation", "be between 0.0 and 1.0", self.correlation)
        object.__setattr__(self, "columns", check_names("ClusterFeatures", self.columns))

    def fit(self, train: Train) -> FittedClusterFeatures:
        """Find the groups; `FeatureError` without rows free of NaN, or for an unknown column."""
        rows = complete_rows("ClusterFeatures", train, self.columns)
        varies = np.flatnonzero(~is_constant(rows.x))
        centre, spread = rows.x.mean(axis=0), rows.x.std(axis=0)
        label = _joined((rows.x[:, varies] - centre[varies]) / spread[varies], 1.0 - self.correlation)
        groups = [varies[label == number] for number in dict.fromkeys(label.tolist())]
        joined = [group for group in groups if len(group) > 1]
        members = tuple(tuple(rows.names[i] for i in group) for group in joined)
        statistics = tuple(np.stack([centre[group], spread[group]]) for group in joined)
        return FittedClusterFeatures(members, statistics)


@dataclass(frozen=True, eq=False)
class FittedClusterFeatures:
    """Groups of columns.

    Attributes
    ----------
    groups : tuple of tuple of str
        Names of the columns of each group.
    statistics : tuple of ndarray of float64, shape (2, columns of the group)
        Training mean and standard deviation (ddof=0).
    """

    groups: tuple[tuple[str, ...], ...]
    statistics: tuple[Matrix, ...]

    def transform(self, rows: Rows) -> Rows:
        """Replace each group by its average."""
        if not self.groups:
            return rows
        averages = [self._average(rows, *part) for part in zip(self.groups, self.statistics, strict=True)]
        kept = without(rows, positions("ClusterFeatures", rows.names, [name for g in self.groups for name in g]))
        names = [f"mean({', '.join(group)})" for group in self.groups]
        return with_columns("ClusterFeatures", kept, np.concatenate(averages, axis=1), names)

    @staticmethod
    def _average(rows: Train | Test, group: tuple[str, ...], statistics: Matrix) -> Matrix:
        values = chosen(rows, positions("ClusterFeatures", rows.names, group))
        return summed((values - statistics[0]) / statistics[1], np.full((len(group), 1), 1.0 / len(group)))


def _joined(z: Matrix, distance: float) -> NDArray[np.int64]:
    """Label standardised columns by the group that they are joined to."""
    if z.shape[1] < 2:
        return np.arange(z.shape[1])
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    apart = np.clip(1.0 - z.T @ z / len(z), 0.0, 2.0)
    np.fill_diagonal(apart, 0.0)
    tree = linkage(squareform((apart + apart.T) / 2.0, checks=False), method="average")
    return np.asarray(fcluster(tree, distance, criterion="distance"), dtype=np.int64)


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and int(value) >= least
