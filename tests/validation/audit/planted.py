"""Parts of studies that look ahead, each beside a twin that does not, and the small study that they are put into."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from quantml import Bars, Study, WalkForward
from quantml.errors import DataError
from quantml.features import Momentum, Returns
from quantml.forecasters import Ridge, RowForecast
from quantml.loaders import Synthetic
from quantml.signals import Sign
from quantml.targets import ForwardReturn, Target
from quantml.timing import UNKNOWN
from quantml.validation.audit.differences import Difference
from quantml.validation.audit.findings import Notice
from quantml.validation.audit.inputs import Inputs
from quantml.validation.problem import Problem
from quantml.validation.splits import Fold
from quantml.validation.walkforward import WalkForwardResult, walk_forward

WORLD = Synthetic(symbols=2, sessions=240, seed=1)
BARS = WORLD.load()
LAST, SOME = f"{BARS.clock[-1]:%Y-%m-%d}", f"{BARS.clock[140]:%Y-%m-%d}"


def study(**changes: Any) -> Study:
    """Two symbols, folds of 40 rows from row 100 on."""
    parts = {
        "data": BARS,
        "features": [Returns(1), Momentum(5)],
        "target": ForwardReturn(horizon=2),
        "forecaster": Ridge(alpha=1.0),
        "signal": Sign(),
        "validation": WalkForward(train=100, test=40),
    }
    return Study(**{**parts, **changes})


def rule(signal: Any, **changes: Any) -> Study:
    """A study without a forecaster."""
    return study(features=[], target=None, forecaster=None, signal=signal, **changes)


def finished(declared: Study) -> WalkForwardResult:
    market = declared.load()
    return walk_forward(declared, market.bars, feature_bars=market.feature_bars)


def inputs(*features: Any, target: Any = None, bars: Bars = BARS) -> Inputs:
    declared = study(data=bars, features=features or [Returns(1)], target=target or ForwardReturn(horizon=2))
    return Inputs.of(Problem.of(declared, bars), [{}])


def only(found: Any) -> Difference:
    """The one thing found, which must be a difference."""
    (one,) = found
    assert isinstance(one, Difference), one
    return one


def only_notice(found: Any) -> Notice:
    (one,) = found
    assert isinstance(one, Notice), one
    return one


# ------------------------------------------------------------------------ features


def three_ahead(bars: Bars) -> pd.DataFrame:
    """The second symbol's return over the next three rows; the first symbol's over the last three."""
    close = bars.close
    late = close / close.shift(3) - 1.0
    return late.assign(**{bars.symbols[1]: (close.shift(-3) / close - 1.0)[bars.symbols[1]]})


def three_behind(bars: Bars) -> pd.DataFrame:
    return bars.close / bars.close.shift(3) - 1.0


def standing(bars: Bars) -> pd.DataFrame:
    """The close less its mean over the whole sample."""
    return bars.close - bars.close.mean()


def standing_so_far(bars: Bars) -> pd.DataFrame:
    return bars.close - bars.close.expanding().mean()


def survivors(bars: Bars) -> pd.DataFrame:
    """The last return of symbols that have a bar on the last row."""
    return bars.returns() * bars.close.iloc[-1].notna()


def drawn(bars: Bars) -> pd.DataFrame:
    """Other numbers each time."""
    numbers = np.random.default_rng().normal(size=(len(bars), len(bars.symbols)))
    return pd.DataFrame(numbers, bars.clock, pd.Index(bars.symbols, dtype=object))


def loaded_apart(bars: Bars) -> pd.DataFrame:
    """The next row's return, of a panel that it loads itself."""
    close = WORLD.load().close
    return (close.shift(-1) / close - 1.0).reindex(bars.clock)


# ------------------------------------------------------------------------- targets


@dataclass(frozen=True)
class Early:
    """A forward return whose label ends `by` rows too early."""

    by: int = 1

    def build(self, bars: Bars, fill: Any) -> Target:
        target = ForwardReturn(horizon=3).build(bars, fill)
        known = target.label_end != UNKNOWN
        return replace(target, label_end=np.where(known, target.label_end - self.by, UNKNOWN))


@dataclass(frozen=True)
class Tail:
    """Whether the price is higher in three rows; a row that cannot know it says no, at once."""

    honest: bool = False

    def build(self, bars: Bars, fill: Any) -> Target:
        target = ForwardReturn(horizon=3).build(bars, fill)
        values = np.where(np.isnan(target.values), np.nan, (target.values > 0.0).astype(float))
        if self.honest:
            return replace(target, values=values)
        rows = np.broadcast_to(np.arange(len(bars))[:, None], values.shape)
        unknown = np.isnan(values)
        return replace(
            target, values=np.where(unknown, 0.0, values), label_end=np.where(unknown, rows, target.label_end)
        )


@dataclass(frozen=True)
class Hurried:
    """The next row's return, whose label ends on it where the close in five rows is higher, and else a row later."""

    def build(self, bars: Bars, fill: Any) -> Target:
        target = ForwardReturn(horizon=1, start="close").build(bars, fill)
        close = bars.close.to_numpy()
        higher = np.vstack([close[5:], close[-5:]]) > close
        ends = np.where(higher, target.label_end, np.minimum(target.label_end + 1, len(bars) - 1))
        return replace(target, label_end=np.where(target.label_end == UNKNOWN, UNKNOWN, ends))


# ---------------------------------------------------------------- what is fitted


@dataclass(frozen=True)
class Drift:
    """Forecasts the move of each symbol from the row to the last bar that it is shown, or over the row's last bar."""

    honest: bool = False

    def fit(self, train: Any) -> Drift:
        return self

    def predict(self, test: Any) -> RowForecast:
        close = test.bars.array("close")
        before = test.time - 1 if self.honest else np.full(len(test.time), len(close) - 1)
        return RowForecast(mean=close[test.time, test.symbol] / close[before, test.symbol] - 1.0)


@dataclass(frozen=True)
class Complete:
    """Forecasts by the last close, if all blocks but the last are as long as they were planned to be."""

    honest: bool = False

    def fit(self, train: Any) -> Complete:
        return self

    def predict(self, test: Any) -> RowForecast:
        last = int(test.time.max()) + 1
        if not self.honest and last < 240 and last % 40 != 20:
            raise DataError("the block must be whole")
        return RowForecast(mean=1.0 / test.bars.array("close")[test.time, test.symbol])


def to_the_end(bars: Bars) -> pd.DataFrame:
    """Closes of a panel that must reach its last day."""
    bars.close.loc[LAST]
    return bars.close.pct_change(fill_method=None)


def to_a_day(bars: Bars) -> pd.DataFrame:
    """Closes of a panel that must reach some day."""
    bars.close.loc[SOME]
    return bars.close.pct_change(fill_method=None)


@dataclass(frozen=True)
class Centred:
    """Takes off each feature its mean, over the block or over the training rows."""

    honest: bool = False

    def fit(self, train: Any) -> Any:
        return FittedCentred(np.nanmean(train.x, axis=0) if self.honest else None)


@dataclass(frozen=True, eq=False)
class FittedCentred:
    means: Any

    def transform(self, rows: Any) -> Any:
        return replace(rows, x=rows.x - (np.nanmean(rows.x, axis=0) if self.means is None else self.means))


@dataclass(frozen=True)
class Scaled:
    """Squashes features beside the volatility of the panel that it loads, over all of it or until the fit."""

    honest: bool = False

    def fit(self, train: Any) -> Any:
        returns = WORLD.load().returns()
        if self.honest:
            returns = returns[: train.bars.clock[-1]]
        return FittedScaled(float(returns.std().mean()))


@dataclass(frozen=True, eq=False)
class FittedScaled:
    size: float

    def transform(self, rows: Any) -> Any:
        return replace(rows, x=np.tanh(rows.x / self.size))


@dataclass(frozen=True)
class LikeTomorrow:
    """Weighs rows by the close after the fit of a panel that it loads, or by the last close before it."""

    honest: bool = False

    def weigh(self, train: Any) -> Any:
        close = WORLD.load().close
        moment = train.bars.clock[-1]
        known = close[:moment] if self.honest else close[moment:].iloc[1:]
        level = float(known.iloc[-1].mean() if self.honest else known.iloc[0].mean())
        return 1.0 + np.abs(train.bars.array("close")[train.time, train.symbol] - level)


def peeking_objective(returns: pd.Series) -> float:
    """The mean of the returns times that of the market after them."""
    after = WORLD.load().returns().mean(axis=1)[returns.index[-1] :].iloc[1:]
    return float(returns.mean() * (1.0 + after.iloc[:20].sum()))


def honest_objective(returns: pd.Series) -> float:
    return float(returns.mean())


@dataclass(frozen=True)
class Sized:
    """A step that sizes by the volatility of the panel that it loads when it is fitted."""

    honest: bool = False
    size: float = 1.0

    def fit(self, train: Any) -> Sized:
        returns = WORLD.load().returns()
        if self.honest:
            returns = returns[: train.bars.clock[-1]]
        return replace(self, size=float(np.clip(0.002 / returns.std().mean(), 0.01, 1.0)))

    def __call__(self, inputs: Any, context: Any) -> Any:
        return inputs.frame.fillna(0.0) * self.size


@dataclass(frozen=True)
class SizedLate(Sized):
    """A step that is honest where a block begins, and sizes by all of the panel where it is fitted inside one."""

    def fit(self, train: Any) -> Sized:
        begins = (len(train.bars) - 1 - 100) % 40 == 0
        return Sized(honest=begins).fit(train)


# ------------------------------------------------------------------------- signals


def trend(inputs: Any, context: Any) -> pd.DataFrame:
    close = context.bars.close
    return (close / close.shift(5) - 1.0).clip(-0.4, 0.4).fillna(0.0)


def moved_back(inputs: Any, context: Any) -> pd.DataFrame:
    """The weights of the next row."""
    return inputs.frame.shift(-1)


def moved_on(inputs: Any, context: Any) -> pd.DataFrame:
    return inputs.frame.shift(1)


def at_random(inputs: Any, context: Any) -> pd.DataFrame:
    return drawn(context.bars).clip(-0.1, 0.1)


# --------------------------------------------------------------------------- folds


@dataclass(frozen=True)
class FromTheEnd(WalkForward):
    """Folds laid from the last bar backward."""

    def folds(self, clock: Any) -> tuple[Fold, ...]:
        spare = (len(clock) - 100) % 40
        return tuple(Fold(f.number, f.train + spare, f.test + spare) for f in super().folds(clock[spare:]))
