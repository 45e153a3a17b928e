"""What of a symbol's return its common factors do not explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.errors import FeatureError
from quantml.features.own_bars import check_count
from quantml.features.transforms.base import Matrix, is_constant, summed
from quantml.features.transforms.filters import LOGGER, add_at, own_returns, training_returns, window, written
from quantml.features.transforms.reduction import principal_components
from quantml.space import Declaration

if TYPE_CHECKING:
    from quantml.forecasters.base import Test, Train

    Rows = TypeVar("Rows", Train, Test)

__all__ = ["PcaResiduals"]

PRESENT: Final = 0.5
"""Least share of the training bars on which a symbol must have a return."""


@dataclass(frozen=True)
class PcaResiduals(Declaration):
    r"""What the first principal components of the symbols' training returns leave of each symbol's return.

    .. math:: e_{it} = \sigma_i \Big( z_{it} - \sum_k v_{ik} \sum_j v_{jk} z_{jt} \Big), \qquad
              z_{it} = (r_{it} - \mu_i) / \sigma_i

    with the means and standard deviations of the training returns, and v the eigenvectors of their correlations
    (Avellaneda and Lee 2010, Quantitative Finance 10(7), section 2.1). The row at t uses the returns at t and what
    was fitted.

    Returns are simple, from own bar to own bar. A return that is missing counts as its symbol's mean, in the fit and
    after. A symbol with returns on fewer than half of the training bars, or constant ones, takes no part: it is logged
    as a warning and NaN.

    Parameters
    ----------
    components : int
        At least 1, and fewer than there are symbols.

    Raises
    ------
    ParameterError
        If `components` is out of range.
    """

    components: int = 1

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_count(self, "components", 1)

    def fit(self, train: Train) -> FittedPcaResiduals:
        """Find the components.

        Raises
        ------
        FeatureError
            If no more symbols take part than there are components.
        """
        returns = training_returns(train)
        present = _taking_part(returns)
        for symbol in np.flatnonzero(~present & ~np.isnan(returns).all(axis=0)):
            LOGGER.warning("%s is NaN for %s: few returns, or constant ones (%s)", written(self),
                           train.bars.symbols[symbol], window(train))  # fmt: skip
        if present.sum() <= self.components:
            raise FeatureError(written(self), must="have more symbols than components", got=int(present.sum()),
                               where=window(train), hint="Lengthen train, or lower components.")  # fmt: skip
        columns = np.flatnonzero(present)
        mean, deviation = np.nanmean(returns[:, columns], axis=0), np.nanstd(returns[:, columns], axis=0)
        z = np.nan_to_num((returns[:, columns] - mean) / deviation)
        return FittedPcaResiduals(
            self, columns, mean, deviation, principal_components(z)[0][:, : self.components], train.start
        )


@dataclass(frozen=True, eq=False)
class FittedPcaResiduals(ReadOnly):
    """Principal components of returns.

    Attributes
    ----------
    declared : PcaResiduals
    columns : ndarray of int64, shape (M,)
        Column numbers of the symbols that take part.
    mean, deviation : ndarray of float64, shape (M,)
        Of their training returns (ddof=0).
    vectors : ndarray of float64, shape (M, components)
        Each of length 1, its largest number in size positive.
    start : int
        Clock position of the first bar whose close is used.
    """

    declared: PcaResiduals
    columns: NDArray[np.int64]
    mean: Matrix
    deviation: Matrix
    vectors: Matrix
    start: int

    def transform(self, rows: Rows) -> Rows:
        """Add the residuals; NaN where a symbol has no return, or takes no part."""
        returns: Matrix = own_returns(rows.bars, self.start)
        z = (returns[:, self.columns] - self.mean) / self.deviation
        factors = summed(np.nan_to_num(z), self.vectors)
        panel = np.full((*returns.shape, 1), np.nan)
        panel[:, self.columns, 0] = self.deviation * (z - summed(factors, np.ascontiguousarray(self.vectors.T)))
        return add_at(written(self.declared), rows, panel, self.start, (written(self.declared),))


def _taking_part(returns: Matrix) -> NDArray[np.bool_]:
    enough = (~np.isnan(returns)).sum(axis=0) >= max(PRESENT * (len(returns) - 1), 2)
    for column in np.flatnonzero(enough):
        own = returns[~np.isnan(returns[:, column]), column]
        enough[column] = not is_constant(own[:, None])[0]
    return np.asarray(enough, dtype=np.bool_)
