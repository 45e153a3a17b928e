"""How much each training row counts: less where labels overlap, or long ago; more where much happened.

Sample weights are computed on a fold's purged training rows and nothing else. The label of a row rests on the rows of
the panel clock in (t, label_end], and shares them with the labels of the same symbol that rest on them too.
Labels of different symbols rest on different prices, and share none.

Every rule here returns weights with a mean of 1, so that penalties and other parameters keep their meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from quantml.errors import ParameterError, TargetError, check
from quantml.forecasters.base import Train
from quantml.panel import previous_close
from quantml.space import Declaration

__all__ = [
    "AbsoluteReturnWeights",
    "Combined",
    "ExponentialDecay",
    "SampleWeight",
    "TimeDecay",
    "UniquenessWeights",
    "weigh_rows",
]

LEAST: Final = 1e-9
"""Weight of a row that should count for nothing, beside a mean of 1: nothing need divide by zero."""


class SampleWeight(Protocol):
    """Anything that weighs training rows: the classes of this module, or a user's own."""

    def weigh(self, train: Train) -> NDArray[np.float64]:
        """Return a positive weight for each row, shape (rows,), from what `train` holds."""
        ...


def weigh_rows(rule: SampleWeight, train: Train) -> NDArray[np.float64]:
    """Weigh training rows, check what the rule returned, and divide it by its mean.

    Returns
    -------
    ndarray of float64, shape (rows,)
        Positive, with a mean of 1.

    Raises
    ------
    TargetError
        If the rule returns anything but one positive finite number for each row. The text names it.
    """
    name, weight = type(rule).__name__, np.asarray(rule.weigh(train), dtype=np.float64)
    if weight.shape != train.y.shape:
        raise TargetError(f"{name}.weigh", must=f"return one weight per row, shape {train.y.shape}", got=weight.shape)
    bad = np.flatnonzero(~(np.isfinite(weight) & (weight > 0.0)))
    if bad.size:
        row = bad[0]
        where = f"{train.bars.symbols[train.symbol[row]]}, {train.bars.clock[train.time[row]]}"
        must, where = "return finite weights above 0", where.removesuffix(" 00:00:00")
        raise TargetError(f"{name}.weigh", must=must, got=float(weight[row]), where=where)
    return _scaled(weight)


@dataclass(frozen=True)
class UniquenessWeights(Declaration):
    r"""Weigh a row by the average uniqueness of its label.

    .. math:: \bar u_i = \frac{1}{|T_i|} \sum_{t \in T_i} \frac{1}{c_t}

    over the rows T of the clock that the label rests on, (t, label_end], with c the number of the symbol's training
    labels that rest on a row (Lopez de Prado 2018, Advances in Financial Machine Learning, sections 4.3 and 4.4). A
    label that rests on no row, being known at its own decision, has a uniqueness of 1.
    """

    def weigh(self, train: Train) -> NDArray[np.float64]:
        """Return the weight of each row, shape (rows,)."""
        return _scaled(uniqueness(train))


@dataclass(frozen=True)
class AbsoluteReturnWeights(Declaration):
    r"""Weigh a row by the size of the return that is its label's own.

    .. math:: w_i \propto \Big| \sum_{t \in T_i} \frac{r_t}{c_t} \Big|

    with T and c as in `UniquenessWeights`, and r the log returns of the symbol's adjusted closes; a row without a bar
    has none, and what holders of a delisted symbol are paid is left out (Lopez de Prado 2018, section 4.6). A row
    whose sum is 0 has a weight of 1e-9.
    """

    def weigh(self, train: Train) -> NDArray[np.float64]:
        """Return the weight of each row, shape (rows,).

        Raises
        ------
        TargetError
            If no price moves under any of the labels.
        """
        close = train.bars.array("close")
        moved = np.nan_to_num(np.log(close / previous_close(close)))
        size = np.abs(_sums(moved * _shares(train), train))
        if size.size and not size.any():
            raise TargetError("AbsoluteReturnWeights", must="see prices that move", got="constant closes")
        return _scaled(np.maximum(_scaled(size), LEAST))


@dataclass(frozen=True)
class TimeDecay(Declaration):
    """Weigh a row less the longer ago it was, by how much has been learned since.

    The weight falls in a straight line in cumulated `uniqueness`, from the newest date, by which all of it has been
    seen, to `oldest` times as much where none has (Lopez de Prado 2018, section 4.7). Rows of one date weigh the same.
    A negative value there, which drops the oldest rows, is a shorter training window here.

    Parameters
    ----------
    oldest : float
        Weight at the beginning beside that at the end, from 0 to 1; 1 is no decay.

    Raises
    ------
    ParameterError
        If `oldest` is out of range.
    """

    oldest: float = 0.5

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        held = _is_number(self.oldest) and 0.0 <= self.oldest <= 1.0
        check(held, "TimeDecay.oldest", "be a number from 0 to 1", self.oldest)

    def weigh(self, train: Train) -> NDArray[np.float64]:
        """Return the weight of each row, shape (rows,)."""
        seen = np.cumsum(np.bincount(train.time, weights=uniqueness(train)))
        unseen = 1.0 - seen[train.time] / seen[-1:]
        return _scaled(1.0 - (1.0 - self.oldest) * unseen)


@dataclass(frozen=True)
class ExponentialDecay(Declaration):
    """Weigh a row less the longer ago it was: half as much for every `half_life` rows of the clock.

    Parameters
    ----------
    half_life : float
        Rows of the panel clock, above 0.

    Raises
    ------
    ParameterError
        If `half_life` is out of range.
    """

    half_life: float

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        held = _is_number(self.half_life) and 0.0 < self.half_life < np.inf
        check(held, "ExponentialDecay.half_life", "be a finite number of rows above 0", self.half_life)

    def weigh(self, train: Train) -> NDArray[np.float64]:
        """Return the weight of each row, shape (rows,); 1e-9 where it would be smaller still."""
        age = train.time.max(initial=0) - train.time
        return _scaled(np.maximum(_scaled(0.5 ** (age / self.half_life)), LEAST))


@dataclass(frozen=True)
class Combined(Declaration):
    """Weigh a row by the product of several weights.

    Parameters
    ----------
    rules : sequence of sample weights
        At least one.

    Raises
    ------
    ParameterError
        If there is none, or one cannot weigh.

    Examples
    --------
    >>> Combined([UniquenessWeights(), TimeDecay(oldest=0.5)])
    Combined(rules=(UniquenessWeights(), TimeDecay(oldest=0.5)))
    """

    rules: Sequence[SampleWeight]

    def __post_init__(self) -> None:
        if isinstance(self.rules, list):
            object.__setattr__(self, "rules", tuple(self.rules))
        super().__post_init__()

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        held = isinstance(self.rules, tuple) and len(self.rules) > 0
        check(held, "Combined.rules", "hold at least one sample weight", self.rules)
        for rule in self.rules:
            if isinstance(rule, type) or not callable(getattr(rule, "weigh", None)):
                got = rule.__name__ if isinstance(rule, type) else type(rule).__name__
                hint = "Write for instance Combined([UniquenessWeights(), TimeDecay(0.5)])."
                raise ParameterError("Combined.rules", must="hold objects with a method 'weigh'", got=got, hint=hint)

    def weigh(self, train: Train) -> NDArray[np.float64]:
        """Return the weight of each row, shape (rows,); each rule's are checked as `weigh_rows` does."""
        weight = np.ones(len(train.y))
        for rule in self.rules:
            weight = weight * weigh_rows(rule, train)
        return _scaled(np.maximum(_scaled(weight), LEAST))


def uniqueness(train: Train) -> NDArray[np.float64]:
    """Return the average uniqueness of each row's label, shape (rows,): above 0 and at most 1.

    See `UniquenessWeights`.
    """
    length = train.label_end - train.time
    return np.where(length > 0, _sums(_shares(train), train) / np.maximum(length, 1), 1.0)


def _shares(train: Train) -> NDArray[np.float64]:
    """Return one over the number of a symbol's labels that rest on each row of the clock, shape (T, N); 0 for none."""
    begun = np.zeros((len(train.bars) + 1, len(train.bars.symbols)))
    np.add.at(begun, (train.time + 1, train.symbol), 1.0)
    np.add.at(begun, (train.label_end + 1, train.symbol), -1.0)
    resting = np.cumsum(begun, axis=0)[:-1]
    return np.divide(1.0, resting, out=np.zeros_like(resting), where=resting > 0.0)


def _sums(values: NDArray[np.float64], train: Train) -> NDArray[np.float64]:
    """Add up `values`, shape (T, N), over the rows of the clock that each label rests on."""
    total = np.cumsum(values, axis=0)
    return np.asarray(total[train.label_end, train.symbol] - total[train.time, train.symbol], dtype=np.float64)


def _scaled(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    return weight / weight.mean() if weight.size else weight


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
