"""A moving-average rule whose length is chosen each calendar year by its Sharpe ratio in the year before."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample


@dataclass(frozen=True)
class YearlyBest:
    """Hold an index above the average whose length did best."""

    lengths: tuple[int, ...] = (5, 10, 20, 50, 100)
    delay: int = 0

    def __call__(self, _, context):
        """Return the weights."""
        close = context.bars.close
        held = {n: (close > close.rolling(n).mean()) / close.shape[1] for n in self.lengths}
        earned = pd.DataFrame({n: (w.shift(2) * close.pct_change()).sum(axis=1) for n, w in held.items()})
        yearly = earned.groupby(earned.index.year)
        best = (yearly.mean() / (yearly.std() + 1e-9)).idxmax(axis=1).shift(self.delay, fill_value=self.lengths[0])
        chosen = best.loc[close.index.year].to_numpy()
        rows = np.stack([held[n].to_numpy() for n in self.lengths])
        pick = np.array([self.lengths.index(int(n)) for n in chosen])
        return pd.DataFrame(rows[pick, np.arange(len(close))], index=close.index, columns=close.columns)


study = Study(
    data=Sample("indices", start="2012-01-01"),
    signal=YearlyBest(delay=1),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
