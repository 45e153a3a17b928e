"""What trading and holding cost; the only place where basis points appear."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import read_only
from quantml.errors import check, is_finite
from quantml.space import Declaration

KINDS: Final = ("commission", "spread", "slippage", "borrow", "financing")
"""The kinds of cost, in the order of every array of costs; the first three are paid per fill, the others per bar."""

BPS: Final = 1e-4


@dataclass(frozen=True)
class Costs(Declaration):
    """Costs in basis points, each at least 0; all are taken from cash.

    Notional is ``|units| * price``, at the raw price of the fill. Financing is on top of what `simulate`
    is told that cash earns, and all that debt costs where it earns nothing.

    Parameters
    ----------
    commission_bps : float
        Per fill: ``notional * commission_bps / 1e4``.
    spread_bps : float
        The full quoted spread, of which a fill pays half: ``notional * spread_bps / 2 / 1e4``.
    slippage_bps : float
        Per fill: ``notional * slippage_bps / 1e4``.
    borrow_bps : float
        Per year, on what is held short. Each bar pays
        ``market value of shorts at the previous close * borrow_bps / 1e4 / periods_per_year``.
    financing_bps : float
        Per year, on money owed. Each bar pays
        ``max(-cash at the previous close, 0) * financing_bps / 1e4 / periods_per_year``.

    Raises
    ------
    ParameterError
        If a cost is negative or not a finite number.

    Examples
    --------
    >>> Costs(commission_bps=1.0, spread_bps=4.0).fill_bps
    3.0
    """

    commission_bps: float = 0.0
    spread_bps: float = 0.0
    slippage_bps: float = 0.0
    borrow_bps: float = 0.0
    financing_bps: float = 0.0

    def validate(self) -> None:
        """Raise `ParameterError` where a cost is negative or not a finite number."""
        for field in fields(self):
            value = getattr(self, field.name)
            check(is_finite(value) and value >= 0, f"Costs.{field.name}", "be a finite number of at least 0", value)

    @property
    def fill_bps(self) -> float:
        """What one fill pays in all, in basis points of its notional."""
        return self.commission_bps + self.spread_bps / 2.0 + self.slippage_bps

    def rates(self, periods_per_year: float) -> NDArray[np.float64]:
        """Return the costs by `KINDS` as fractions of notional, and per bar for those that accrue; shape (5,)."""
        accrued = np.array([self.borrow_bps, self.financing_bps]) / periods_per_year
        return read_only(np.array([self.commission_bps, self.spread_bps / 2.0, self.slippage_bps, *accrued]) * BPS)
