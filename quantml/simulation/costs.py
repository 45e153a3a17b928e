"""What trading and holding cost; the only place where basis points appear."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import read_only
from quantml.errors import ParameterError, check, is_finite, is_whole
from quantml.space import Declaration

KINDS: Final = ("commission", "spread", "slippage", "impact", "borrow", "financing")
"""The kinds of cost, in the order of every array of costs; the first four are paid per fill, the others per bar."""

BPS: Final = 1e-4
PER_FILL: Final = KINDS[:4]
_NUMBERS: Final = (
    "commission_bps", "spread_bps", "slippage_bps", "borrow_bps", "financing_bps", "commission_per_share",
    "commission_minimum", "slippage_volatility", "impact", "impact_permanent",
)  # fmt: skip


@dataclass(frozen=True)
class Costs(Declaration):
    r"""What fills and holdings cost, each at least 0; all of it is taken from cash.

    Notional is ``|units| * price``, at the raw price of the fill. Financing is on top of what `simulate`
    is told that cash earns, and all that debt costs where it earns nothing.

    Volatility :math:`\sigma` is the standard deviation (ddof=1) of a symbol's simple close-to-close returns, per bar,
    and V its average volume per bar, both over its latest `window` own bars at the *decision*: nothing of the fill's
    bar is used. An order of a symbol with fewer bars than that, or without volume on all of them, is an error; what is
    closed where there was no volume pays by the latest average above 0.

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
    commission_per_share : float
        Currency per unit of each fill, beside `commission_bps`.
    commission_minimum : float
        The least commission of a fill, in currency.
    commission_maximum : float, optional
        The largest commission of a fill, in currency; wins over the minimum. There is none unless given.
    commission_tiers : sequence of (float, float)
        Notional of a fill from which a tier holds, and its basis points, beside `commission_bps`. The whole fill pays
        the rate of the highest tier that it reaches, and none below the first.
    slippage_volatility : float
        Standard deviations of a bar that a fill slips: ``notional * slippage_volatility * sigma``.
    impact : float
        Coefficient Y of the square-root law. A fill of Q units pays :math:`notional \cdot Y \sigma \sqrt{Q / V}`,
        the average over the fill: empirically Y is near 1 for an order worked over a day [1]_ [2]_.
    impact_permanent : float
        Coefficient g of what a fill moves the price by for good: all later prices of the symbol, those of this bar's
        close among them, are multiplied by :math:`\exp(\pm g \sigma Q / V)`, and the fill itself pays half of it.
        Linear, so that buying and selling again moves nothing [3]_.
    window : int
        Bars that volatility and volume are measured on, at least 2.

    Raises
    ------
    ParameterError
        If a cost is negative or not a finite number, the tiers do not rise, or `window` is below 2.

    References
    ----------
    .. [1] Toth, Lemperiere, Deremble, de Lataillade, Kockelkoren, Bouchaud (2011), Anomalous price impact and the
       critical nature of liquidity in financial markets, Physical Review X 1, 021006, equation 1.
    .. [2] Almgren, Thum, Hauptmann, Li (2005), Direct estimation of equity market impact, Risk 18(7); they measure a
       power of 3/5 in place of 1/2.
    .. [3] Huberman and Stanzl (2004), Price manipulation and quasi-arbitrage, Econometrica 72(4).

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
    commission_per_share: float = 0.0
    commission_minimum: float = 0.0
    commission_maximum: float | None = None
    commission_tiers: tuple[tuple[float, float], ...] = ()
    slippage_volatility: float = 0.0
    impact: float = 0.0
    impact_permanent: float = 0.0
    window: int = 21

    def __post_init__(self) -> None:
        tiers: Any = self.commission_tiers
        if isinstance(tiers, (list, tuple)):
            pairs = tuple(tuple(tier) if isinstance(tier, (list, tuple)) else tier for tier in tiers)
            object.__setattr__(self, "commission_tiers", pairs)
        super().__post_init__()

    def validate(self) -> None:
        """Raise `ParameterError` where a cost is negative or not a finite number."""
        rule = "be a finite number of at least 0"
        for name in _NUMBERS:
            value = getattr(self, name)
            check(is_finite(value) and value >= 0, f"Costs.{name}", rule, value)
        most = self.commission_maximum
        held = most is None or (is_finite(most) and most >= 0)
        check(held, "Costs.commission_maximum", f"{rule}, or None", most)
        check(is_whole(self.window, least=2), "Costs.window", "be a whole number of bars, at least 2", self.window)
        check(_rise(self.commission_tiers), "Costs.commission_tiers", _TIERS_MUST, self.commission_tiers)

    @property
    def fill_bps(self) -> float:
        """What one fill pays in proportion to its notional, in basis points of it; other costs come on top."""
        return self.commission_bps + self.spread_bps / 2.0 + self.slippage_bps

    @property
    def are_proportional(self) -> bool:
        """Whether every fill costs the same share of its notional, whatever its size and symbol."""
        others = (self.commission_per_share, self.commission_minimum, *self.tier_table[:, 1])
        return not (any(others) or self.commission_maximum is not None or self.are_measured)

    @property
    def are_measured(self) -> bool:
        """Whether a fill costs what volatility or volume says."""
        return bool(self.slippage_volatility or self.impact or self.impact_permanent)

    @property
    def tier_table(self) -> NDArray[np.float64]:
        """Notional from which each tier holds, and its rate as a fraction; shape (tiers, 2)."""
        table = np.array(self.commission_tiers, dtype=np.float64).reshape(-1, 2)
        return read_only(table * [1.0, BPS])

    def rates(self, periods_per_year: float) -> NDArray[np.float64]:
        """Return proportional costs by `KINDS` as fractions of notional, and per bar for those that accrue; shape (6,).

        Raises
        ------
        ParameterError
            If some costs are not in proportion to notional: these numbers would leave them out.
        """
        if not self.are_proportional:
            hint = "Use simulate, or leave minima, maxima, tiers, costs per share and by volatility out."
            raise ParameterError("costs", "be in proportion to notional here", got=str(self), hint=hint)
        return self.proportional(periods_per_year)

    def proportional(self, periods_per_year: float) -> NDArray[np.float64]:
        """Return the proportional part of the costs, as `rates` does, whatever comes on top; shape (6,)."""
        per_fill = [self.commission_bps, self.spread_bps / 2.0, self.slippage_bps, 0.0]
        accrued = np.array([self.borrow_bps, self.financing_bps]) / periods_per_year
        return read_only(np.array([*per_fill, *accrued]) * BPS)


_TIERS_MUST: Final = "be pairs of a notional and basis points, all finite and at least 0, with rising notionals"


def _rise(tiers: Any) -> bool:
    if not isinstance(tiers, tuple) or not all(isinstance(tier, tuple) and len(tier) == 2 for tier in tiers):
        return False
    if not all(is_finite(part) and part >= 0 for tier in tiers for part in tier):
        return False
    starts = [tier[0] for tier in tiers]
    return all(low < high for low, high in itertools.pairwise(starts))
