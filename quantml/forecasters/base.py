"""What a forecaster is asked, what it sees, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NoReturn, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import ReadOnly, frame
from quantml.bars import Bars
from quantml.errors import ForecastError
from quantml.timing import Fill

__all__ = ["Fitted", "Forecast", "Forecaster", "Question", "RowForecast", "Test", "Train", "Withheld", "read_by"]

UNSIGNED: Final = ("volatility", "drawdown", "success")
"""Kinds of target that do not say which way a price goes."""

BINARY: Final = ("direction", "success")
"""Kinds of target that are 1.0 or 0.0, of which the probability of 1.0 is forecast."""


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of a forecaster: the target that it is fitted to and forecasts.

    Attributes
    ----------
    kind : str
        ``"return"``, ``"excess"``, ``"scaled"``, ``"rank"``, ``"direction"``, ``"success"``, ``"class"``,
        ``"volatility"``, ``"drawdown"`` or ``"column"``; `quantml.targets.Target` says what each is.
    horizon : int
        Bars of the symbol that the target spans.
    start : str
        ``"fill"`` or ``"close"``: where the target starts.
    fill : Fill
        How a decision is executed.
    periods_per_year : float
        Bars per year.
    """

    kind: str
    horizon: int
    start: str
    fill: Fill
    periods_per_year: float

    @property
    def is_binary(self) -> bool:
        """Whether the target is 1.0 or 0.0, and the probability of 1.0 is forecast."""
        return self.kind in BINARY

    @property
    def is_class(self) -> bool:
        """Whether the target is one of a few classes rather than a number."""
        return self.is_binary or self.kind == "class"


@dataclass(frozen=True, eq=False)
class Train(ReadOnly):
    """The training rows of a fold: one for each decision and symbol, ordered by time, then symbol.

    Attributes
    ----------
    x : ndarray of float64, shape (rows, features)
        NaN where a feature has no value.
    y : ndarray of float64, shape (rows,)
        The target; known on every row.
    label_end : ndarray of int64, shape (rows,)
        Clock position of the bar at whose close the row's target is known.
    time : ndarray of int64, shape (rows,)
        Clock position of the row's decision.
    symbol : ndarray of int64, shape (rows,)
        Column number of the row's symbol.
    weight : ndarray of float64, shape (rows,), or None
        Sample weights.
    names : tuple of str
        Names of the features.
    bars : Bars
        What was known at the decision bar that opens the test block, which is their last row. In a fold that trains on
        both sides of its test blocks there are no such bars, and reading prices raises `ForecastError`.
    question : Question
        What is asked.
    seed : numpy.random.SeedSequence
        Seed of this fit.
    start : int
        Clock position of the first bar of the training window; a series forecaster uses the bars from here on.
    embargo : int
        Rows at the end of `bars` that no fit may use; a series forecaster only carries its state through them.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    label_end: NDArray[np.int64]
    time: NDArray[np.int64]
    symbol: NDArray[np.int64]
    weight: NDArray[np.float64] | None
    names: tuple[str, ...]
    bars: Bars
    question: Question
    seed: np.random.SeedSequence
    start: int
    embargo: int = 0

    def where(self, keep: NDArray[np.bool_]) -> Train:
        """Return the rows at which `keep`, shape (rows,), is true; the mean of their weights is 1 again."""
        weight = None if self.weight is None else self.weight[keep]
        if weight is not None and weight.size:
            weight = weight / weight.mean()
        rows = {name: getattr(self, name)[keep] for name in ("x", "y", "label_end", "time", "symbol")}
        return replace(self, weight=weight, **rows)

    def integers(self, count: int) -> tuple[int, ...]:
        """Derive `count` seeds from 0 to 2**31 - 1, the same at every call, for libraries that take whole numbers."""
        return tuple(int(word) >> 1 for word in self.seed.generate_state(count, np.uint32))


@dataclass(frozen=True, eq=False)
class Withheld:
    """What stands for the bars of training rows between or before which rows are tested: a clock without prices.

    What treats bars as one series would be fitted to the bars that it is tested on. Whatever is read here but clock,
    symbols and length raises `ForecastError`.

    Attributes
    ----------
    reader : str
        What errors call who reads.
    clock : DatetimeIndex
    symbols : tuple of str
    """

    reader: str
    clock: pd.DatetimeIndex
    symbols: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.clock)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        hint = "Validate it with WalkForward, whose windows have no gaps; CombinatorialPurged is for models of rows."
        raise ForecastError(f"{self.reader}, which reads its training bars as a series,",
                            must="be fitted to rows without gaps, all before the test block",
                            got="rows on both sides of one, or after it", hint=hint)  # fmt: skip


def read_by(reader: str, train: Train) -> Train:
    """Return the rows with bars that, where they are withheld, call who reads them by name."""
    held: Any = train.bars
    if isinstance(held, Withheld):
        held = replace(held, reader=reader)
    return train if held is train.bars else replace(train, bars=held)


@dataclass(frozen=True, eq=False)
class Test(ReadOnly):
    """The rows to forecast, ordered by time, then symbol. They have no target.

    Attributes
    ----------
    x, time, symbol, names, question
        As in `Train`.
    bars : Bars
        The bars until the last decision of the block; a row may use those at or before its own `time` only.
    latest : ndarray of float64, shape (rows,)
        The newest target value of the row's symbol that is known at the decision; NaN before the first.
    first : int
        Clock position of the first decision of the block.
    """

    __test__ = False  # not a test, whatever its name says to pytest

    x: NDArray[np.float64]
    time: NDArray[np.int64]
    symbol: NDArray[np.int64]
    names: tuple[str, ...]
    bars: Bars
    question: Question
    latest: NDArray[np.float64]
    first: int


@dataclass(frozen=True, eq=False)
class RowForecast(ReadOnly):
    """Forecasts of the rows of a `Test`; NaN where the forecaster has none.

    Attributes
    ----------
    mean : ndarray of float64, shape (rows,)
        Expected value of the target, in its unit. Where the target is 0 or 1, it is the probability of 1.
    probability : ndarray of float64, shape (rows,), or None
        Probability that the symbol goes up, for a direction, or that following the primary rule pays, for its success;
        None for anything else.
    variance : ndarray of float64, shape (rows,), or None
        Variance of the target around `mean`, in its unit squared, where the forecaster has one.
    members, member_variances : ndarray of float64, shape (rows, M), or None
        The same of each of the M forecasters of a combination.
    """

    mean: NDArray[np.float64]
    probability: NDArray[np.float64] | None = None
    variance: NDArray[np.float64] | None = None
    members: NDArray[np.float64] | None = None
    member_variances: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Forecast(ReadOnly):
    """Forecasts on the panel clock, time x symbol; NaN where there is none.

    Attributes
    ----------
    clock : DatetimeIndex, shape (T,)
    symbols : tuple of str, length N
    mean : ndarray of float64, shape (T, N)
        Expected value of the target at each decision, in the target's unit; the probability of 1 where it is 0 or 1.
    probability : ndarray of float64, shape (T, N), or None
        Probability that the symbol goes up, for a direction, or that following the primary rule pays, for its success;
        None for anything else.
    variance : ndarray of float64, shape (T, N), or None
        Variance of the target around `mean`, in its unit squared.
    quantiles : mapping of float to ndarray of shape (T, N), or None
        Quantiles of the target by probability.
    kind : str
        As in `Question`.
    fold : ndarray of int64, shape (T,)
        Number of the fold whose fit made each row; -1 where none did.
    members, member_variances : ndarray of float64, shape (T, N, M), or None
        `mean` and `variance` of each of the M forecasters of a combination.
    member_weights : ndarray of float64, shape (T, N, M), or None
        What each of them counts.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=2)
    >>> up = np.array([[0.75], [np.nan]])
    >>> forecast = Forecast(days, ("A",), mean=up, probability=up, kind="direction", fold=np.array([0, -1]))
    >>> forecast.signed
    array([[0.5],
           [nan]])
    """

    clock: pd.DatetimeIndex
    symbols: tuple[str, ...]
    mean: NDArray[np.float64]
    probability: NDArray[np.float64] | None = None
    variance: NDArray[np.float64] | None = None
    quantiles: Mapping[float, NDArray[np.float64]] | None = None
    kind: str = field(kw_only=True)
    fold: NDArray[np.int64] = field(kw_only=True)
    members: NDArray[np.float64] | None = field(default=None, kw_only=True)
    member_variances: NDArray[np.float64] | None = field(default=None, kw_only=True)
    member_weights: NDArray[np.float64] | None = field(default=None, kw_only=True)

    @property
    def frame(self) -> pd.DataFrame:
        """`mean` as a fresh frame, time x symbol."""
        return frame(self.mean, self.clock, self.symbols)

    @property
    def signed(self) -> NDArray[np.float64]:
        """The forecast as a number whose sign says up or down, shape (T, N).

        It is 2 x probability - 1 for a direction, and `mean` for anything else; both are the probability of a rise less
        that of a fall for classes, be they two or three.

        Raises
        ------
        ForecastError
            If the forecast is of a volatility, a drawdown or the success of a rule, or of a direction without a
            probability.
        """
        if self.kind in UNSIGNED:
            raise ForecastError("a signed forecast", must="be of a return or a direction", got=self.kind)
        if self.kind != "direction":
            return self.mean
        if self.probability is None:
            raise ForecastError("the forecast of a direction", must="hold a probability", got=None)
        return np.asarray(2.0 * self.probability - 1.0, dtype=np.float64)


class Fitted(Protocol):
    """What `Forecaster.fit` returns: everything learned, and nothing of the declaration's to change."""

    def predict(self, test: Test) -> RowForecast:
        """Forecast each row of `test` from what is known at its decision."""
        ...


class Forecaster(Protocol):
    """A declaration of a model; fitting it changes nothing in it.

    A row's forecast must depend on nothing later than the row, and on the same date's other rows at most: the
    forecasts of the first dates of a block are those of the whole block.
    """

    def fit(self, train: Train) -> Fitted:
        """Fit to the rows, or the bars, of `train`.

        Raises
        ------
        ForecastError
            If the training data cannot answer the question.
        """
        ...
