"""Weigh stocks by the inverse of their volatility, but for those with a missing price in the quarter before."""

from dataclasses import dataclass

import numpy as np

from quantml import Bars, Costs, Study, WalkForward
from quantml.loaders import GeometricBrownianMotion


@dataclass(frozen=True)
class Halted:
    """Simulated closes; three of the symbols are halted once, and open much lower when they are back."""

    source: GeometricBrownianMotion
    halts: tuple[tuple[str, int], ...] = (("S2", 800), ("S4", 1000), ("S5", 1250))

    def load(self):
        """Return bars with the halts in them."""
        close = self.source.load().close
        for symbol, row in self.halts:
            at = close.columns.get_loc(symbol)
            close.iloc[row : row + 30, at] = np.nan
            close.iloc[row + 30 :, at] *= 0.6
        return Bars.from_close(close, periods_per_year=252)


def risk_parity(_, context):
    """Hold complete series in proportion to one over their volatility."""
    close = context.bars.close
    inverse = 1.0 / close.pct_change(fill_method=None).rolling(63).std()
    return inverse.div(inverse.sum(axis=1), axis=0).reindex(columns=close.columns).fillna(0.0)


study = Study(
    data=Halted(GeometricBrownianMotion(symbols=6, sessions=1500, seed=14)),
    signal=risk_parity,
    costs=Costs(commission_bps=1, spread_bps=4),
    validation=WalkForward(train="2y", test="1y"),
)
