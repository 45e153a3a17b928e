"""Pairs: rules that hold one symbol against another while the spread between them is wide.

They are fitted in every fold: which pairs there are, how much of one symbol stands against the other, and how wide is
wide come from the training rows alone. The positions of a fold's pairs are worked out from their first training row on.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, islice
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import SignalError, check, did_you_mean, is_finite, is_whole
from quantml.forecasters.base import Train
from quantml.signals.base import Context, Weights, nothing_for
from quantml.signals.covariance import Unsolvable
from quantml.signals.hedges import FittedHedge, Hedge, OlsHedge
from quantml.signals.hysteresis import held_sides
from quantml.space import Declaration

Vector = NDArray[np.float64]

LOGGER: Final = logging.getLogger("quantml")
LEAST: Final = 60
"""Fewest training bars that two symbols must have in common; a test with many lags needs more."""
RECENT: Final = 21
"""Rows at the end of training on one of which a symbol must have a bar."""


@dataclass(frozen=True, kw_only=True)
class _PairRule(Declaration):
    enter: float = 2.0
    leave: float = 0.5
    stop: float | None = None
    hedge: Hedge = field(default_factory=OlsHedge)

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        name, rule = type(self).__name__, "be a finite number above 0"
        check(is_finite(self.enter) and self.enter > 0.0, f"{name}.enter", rule, self.enter)
        inside = is_finite(self.leave) and 0.0 <= self.leave < self.enter
        check(inside, f"{name}.leave", f"be at least 0 and below enter, {self.enter}", self.leave)
        beyond = self.stop is None or (is_finite(self.stop) and self.stop > self.enter)
        check(beyond, f"{name}.stop", f"be above enter, {self.enter}", self.stop)
        check(callable(getattr(self.hedge, "fit", None)), f"{name}.hedge", "be a hedge, such as OlsHedge()", self.hedge)

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Raise `SignalError`: a rule of pairs decides once it is fitted."""
        raise SignalError(type(self).__name__, must="be fitted before it decides", hint="A study fits it in each fold.")

    def _limits(self) -> tuple[float, float, float]:
        return float(self.enter), float(self.leave), np.inf if self.stop is None else float(self.stop)


@dataclass(frozen=True)
class PairSpread(_PairRule):
    """Hold one symbol against another while the spread between their log closes is wide.

    The spread is that of the hedge, in standard deviations. Above `enter` it is sold: y short and, in the hedge's
    ratio, x long; below ``-enter`` it is bought; it is held until it is within `leave` of 0. Gross exposure is 1 while
    it is held. While either symbol has no bar or is no member of the universe the pair is flat; while its exchange is
    closed it is held. In a fold whose training rows give no positive ratio it decides flat, and logs a warning.

    Parameters
    ----------
    y, x : str
        Symbols.
    enter : float
        In standard deviations, positive.
    leave : float
        At least 0 and below `enter`.
    stop : float, optional
        Above `enter`: a spread this wide is given up, until it has been within `leave` again.
    hedge : hedge
        `OlsHedge` or `KalmanHedge`.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    y: str
    x: str

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        for name in ("y", "x"):
            check(isinstance(getattr(self, name), str), f"PairSpread.{name}", "be a symbol", getattr(self, name))
        check(self.y != self.x, "PairSpread.x", f"be another symbol than y, {self.y!r}", self.x)

    def fit(self, train: Train) -> FittedPairs:
        """Estimate the hedge on the training rows.

        Raises
        ------
        SignalError
            If a symbol is none of the bars'.
        """
        symbols = train.bars.symbols
        for symbol in (self.y, self.x):
            if symbol not in symbols:
                hint = did_you_mean(symbol, symbols)
                raise SignalError("PairSpread", must="name symbols of the bars", got=symbol, hint=hint)
        closes = _training_closes(train)
        pair = symbols.index(self.y), symbols.index(self.x)
        fitted = tuple(_hedged(self.hedge, closes, [pair]))
        if not fitted:
            told = f"PairSpread finds no positive hedge ratio of {self.y} to {self.x}"
            LOGGER.warning("%s in %s and decides flat.", told, _span(train))
        return FittedPairs(fitted, train.start, 1, *self._limits())


@dataclass(frozen=True)
class CointegratedPairs(_PairRule):
    """Trade the spreads of the pairs that are cointegrated in the training rows, the most likely ones first.

    Log closes of every two members of the universe are tested both ways round (Engle and Granger), on the bars that
    both have, and the way with the lower p-value is kept. Of the pairs below `p_value` with a positive hedge ratio the
    first `count` are traded as `PairSpread` does, each with ``1 / count`` of gross exposure; a symbol may be in
    several. With many symbols some pairs pass by chance: 5 % of them at ``p_value=0.05``. Without a pair a fold decides
    flat, and logs a warning.

    Parameters
    ----------
    count : int
        Most pairs that are traded, at least 1.
    p_value : float
        Largest p-value, above 0 and at most 1.
    lags : int
        Lagged differences in the test, at least 0.
    enter, leave, stop, hedge
        As in `PairSpread`.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Engle and Granger (1987), Co-integration and error correction, Econometrica 55(2); p-values of MacKinnon (1994) by
    statsmodels' ``coint``. Vidyamurthy (2004), Pairs Trading.
    """

    count: int = 5
    p_value: float = 0.05
    lags: int = 1

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        for name, least in (("count", 1), ("lags", 0)):
            value, rule = getattr(self, name), f"be a whole number of at least {least}"
            check(is_whole(value, least=least), f"CointegratedPairs.{name}", rule, value)
        inside = is_finite(self.p_value) and 0.0 < self.p_value <= 1.0
        check(inside, "CointegratedPairs.p_value", "be above 0 and at most 1", self.p_value)

    def fit(self, train: Train) -> FittedPairs:
        """Choose the pairs and estimate their hedges on the training rows."""
        closes = _training_closes(train)
        tested = list(self._tested(closes, _eligible(train.bars, closes)))
        ranked = [(y, x) for p, y, x in sorted(tested) if p <= self.p_value]
        fitted = tuple(islice(_hedged(self.hedge, closes, ranked), self.count))
        if not fitted:
            told = f"CointegratedPairs finds no pair among {len(tested)} at a p-value of {self.p_value}"
            LOGGER.warning("%s in %s and decides flat.", told, _span(train))
        return FittedPairs(fitted, train.start, int(self.count), *self._limits())

    def _tested(self, closes: NDArray[np.float64], columns: list[int]) -> Iterator[tuple[float, int, int]]:
        """Yield the p-value of every pair, y and x the way round that has the lower one."""
        for first, second in combinations(columns, 2):
            both = _overlap(closes, first, second)
            if both.sum() >= max(LEAST, 2 * self.lags + 4):
                a, b = closes[both, first], closes[both, second]
                forth, back = _p_value(a, b, int(self.lags)), _p_value(b, a, int(self.lags))
                yield (forth, first, second) if forth <= back else (back, second, first)


@dataclass(frozen=True)
class FittedPair:
    """Two columns of the panel and the hedge between them."""

    y: int
    x: int
    hedge: FittedHedge


@dataclass(frozen=True)
class FittedPairs:
    """Pairs with their hedges, which decide on bars alone.

    Attributes
    ----------
    pairs : tuple of FittedPair
    start : int
        Clock position of the first training row.
    count : int
        Pairs that gross exposure is divided by.
    enter, leave, stop : float
        In standard deviations of the spread.
    """

    by_row: ClassVar[bool] = True
    pairs: tuple[FittedPair, ...]
    start: int
    count: int
    enter: float
    leave: float
    stop: float

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Compute the weights from the bars.

        Raises
        ------
        SignalError
            If there is a forecast, or this is not the first step.
        """
        nothing_for(self, inputs)
        values = np.zeros(context.bars.traded.shape)
        for pair in self.pairs:
            level, ratio = self._spread(pair, context)
            side = -held_sides(level[:, None], self.enter, self.leave, self.stop)[:, 0]
            gross = (1.0 + np.abs(ratio)) * self.count
            values[:, pair.y] += np.where(side == 0.0, 0.0, side / gross)
            values[:, pair.x] -= np.where(side == 0.0, 0.0, side * ratio / gross)
        return context.weights(values)

    def _spread(self, pair: FittedPair, context: Context) -> tuple[Vector, Vector]:
        """Return a pair's spread and ratio on every row, kept while an exchange is closed; NaN where none is held."""
        bars, columns = context.bars, [pair.y, pair.x]
        closes = np.log(bars.array("close")[self.start :, columns])
        spread = pair.hedge.spread(closes[:, 0], closes[:, 1])
        kept = bars.closed[self.start :, columns].any(axis=1) & np.isnan(spread.level)
        rows = np.maximum.accumulate(np.where(kept, 0, np.arange(len(closes))))
        level, ratio = (np.full(len(bars), np.nan) for _ in range(2))
        level[self.start :] = np.where(context.universe[self.start :, columns].all(axis=1), spread.level[rows], np.nan)
        ratio[self.start :] = spread.ratio[rows]
        return level, ratio


def _training_closes(train: Train) -> NDArray[np.float64]:
    """Return the log closes of the training rows, less the embargo; shape (rows, N)."""
    closes = np.log(train.bars.array("close")[train.start :])
    return np.asarray(closes[: len(closes) - train.embargo], dtype=np.float64)


def _span(train: Train) -> str:
    clock = train.bars.clock
    return f"{clock[train.start]:%Y-%m-%d} to {clock[-1]:%Y-%m-%d}"


def _eligible(bars: Bars, closes: NDArray[np.float64]) -> list[int]:
    """Return the columns of members of the universe that have traded lately."""
    lately = ~np.isnan(closes[-RECENT:]).all(axis=0)
    return [int(column) for column in np.flatnonzero(bars.members[-1] & lately)]


def _overlap(closes: NDArray[np.float64], first: int, second: int) -> NDArray[np.bool_]:
    return np.asarray(~np.isnan(closes[:, first]) & ~np.isnan(closes[:, second]), dtype=np.bool_)


def _hedged(hedge: Hedge, closes: NDArray[np.float64], pairs: Iterable[tuple[int, int]]) -> Iterator[FittedPair]:
    """Yield the pairs, each with its hedge, whose ratio at the end of training is positive."""
    for y, x in pairs:
        both = _overlap(closes, y, x)
        if both.sum() < LEAST:
            continue
        try:
            fitted = hedge.fit(closes[:, y], closes[:, x])
        except Unsolvable:
            continue
        if fitted.spread(closes[:, y], closes[:, x]).ratio[both][-1] > 0.0:
            yield FittedPair(y, x, fitted)


def _p_value(y: Vector, x: Vector, lags: int) -> float:
    """Return the p-value of the Engle-Granger test; 1.0 where it says nothing: one stands still, or both are one."""
    from statsmodels.tools.sm_exceptions import CollinearityWarning
    from statsmodels.tsa.stattools import coint

    if np.ptp(y) == 0.0 or np.ptp(x) == 0.0:
        return 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error", CollinearityWarning)
        try:
            return float(coint(y, x, maxlag=lags, autolag=None)[1])
        except CollinearityWarning:
            return 1.0
