"""The studies of `benchmarks.walkforward`, on simulated prices, and their sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml import Bars, Choice, Costs, Fill, Study, Tuning, WalkForward
from quantml.features import Momentum
from quantml.forecasters import LightGBM
from quantml.loaders import Synthetic
from quantml.signals import MovingAverageCross
from quantml.targets import ForwardReturn

FEATURES: Final = 20
FEE_BPS: Final = 10.0


@dataclass(frozen=True)
class Panel:
    """A forecasting study: its symbols, days, training window, test block, and trees."""

    symbols: int
    days: int
    train: int
    test: int
    trees: int

    def first(self, folds: int, trees: int | None = None) -> Panel:
        """Return the panel that the first folds need."""
        return replace(self, days=self.train + folds * self.test, trees=trees or self.trees)

    @property
    def bars(self) -> Bars:
        """Simulated closes; those of fewer days are the first of those of more."""
        generator = np.random.default_rng(6)
        close = 100.0 * np.exp(np.cumsum(generator.normal(1e-4, 0.01, (self.days, self.symbols)), axis=0))
        names = [f"S{n:03}" for n in range(self.symbols)]
        clock = pd.bdate_range("2000-01-03", periods=self.days)
        return Bars.from_close(pd.DataFrame(close, clock, names), periods_per_year=252)

    @property
    def study(self) -> Study:
        """The study of quantml."""
        return Study(
            data=Synthetic(),  # not loaded: the bars are given
            features=[Momentum(k) for k in range(2, 2 * FEATURES + 2, 2)],
            target=ForwardReturn(horizon=1, start="close"),
            forecaster=LightGBM(n_estimators=self.trees),
            fill=Fill.NEXT_CLOSE,
            validation=WalkForward(train=self.train, test=self.test),
        )


@dataclass(frozen=True)
class Crosses:
    """A tuned rule study: its training window, test block, folds, bars in a year, and lengths of averages."""

    train: int
    test: int
    folds: int
    periods: int
    fast: range = range(5, 30)
    slow: range = range(40, 80)

    @property
    def bars(self) -> Bars:
        """Simulated closes, on hours where there are many in a year."""
        generator = np.random.default_rng(6)
        rows = self.train + self.folds * self.test
        scale = 0.01 * (252 / self.periods) ** 0.5
        close = 100.0 * np.exp(np.cumsum(generator.normal(1e-4 * 252 / self.periods, scale, rows)))
        clock = pd.bdate_range("2000-01-03", periods=rows)
        if self.periods > 252:
            clock = pd.date_range("2000-01-03", periods=rows, freq="1h", tz="UTC")
        return Bars.from_close(pd.DataFrame({"A": close}, clock), periods_per_year=self.periods)

    @property
    def study(self) -> Study:
        """The study of quantml."""
        return Study(
            data=Synthetic(),
            signal=MovingAverageCross(fast=Choice(*self.fast), slow=Choice(*self.slow)),
            costs=Costs(commission_bps=FEE_BPS),
            fill=Fill.NEXT_CLOSE,
            validation=WalkForward(train=self.train, test=self.test),
            tuning=Tuning("sharpe_ratio"),
        )

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Pairs of lengths, in the order that a grid search tries them in."""
        return [(fast, slow) for fast in self.fast for slow in self.slow]

    def place(self, values: Mapping[str, Any]) -> int:
        """Return where a candidate of quantml stands among the pairs."""
        fast, slow = (values[f"signal.0.{name}"] for name in ("fast", "slow"))
        return (fast - self.fast.start) * len(self.slow) + slow - self.slow.start


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    panel: Panel
    peer_folds: int
    rules: Mapping[str, Crosses]


FULL: Final = Size(
    Panel(symbols=50, days=2_500, train=750, test=21, trees=200), 20,
    {"daily": Crosses(1_000, 63, 60, 252), "hourly": Crosses(5_000, 210, 60, 252 * 7)},
)  # fmt: skip
FEW: Final = {"folds": 8, "periods": 252, "fast": range(5, 10), "slow": range(40, 46)}
SMALL: Final = Size(Panel(symbols=5, days=205, train=100, test=21, trees=20), 3, {"daily": Crosses(250, 21, **FEW)})
