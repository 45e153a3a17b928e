"""On weekly bars, equally wide bins of realised volatility decide the size.

Their edges lie between the least and greatest value of the whole sample.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from quantml import Bars, Costs, Study, WalkForward
from quantml.loaders import Garch


@dataclass(frozen=True)
class Weekly:
    """Friday closes of a simulated market."""

    source: Garch

    def load(self):
        """Return weekly bars."""
        days = self.source.load().close
        return Bars.from_close(days[days.index.dayofweek == 4], periods_per_year=52)


def calm(_, context):
    """Hold less the higher the bin that volatility is in."""
    volatility = np.log(context.bars.close).diff().rolling(12).std()
    level = volatility.apply(lambda one: pd.cut(one, 10, labels=False))
    return (1.0 - level / 9.0).fillna(0.0) / len(context.bars.symbols)


study = Study(
    data=Weekly(Garch(symbols=3, sessions=2600, seed=11)),
    signal=calm,
    costs=Costs(commission_bps=1, spread_bps=2),
    validation=WalkForward(train="2y", test="1y"),
)
