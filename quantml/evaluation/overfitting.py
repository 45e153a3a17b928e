"""How often the best of several configurations is no better than the others where it was not chosen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantml.errors import DataError, ParameterError, is_whole

CHUNK: Final = 512
"""Combinations that are worked on at once."""
MOST_BLOCKS: Final = 20
"""Of which there are 184,756 combinations."""


def probability_of_backtest_overfitting(returns: ArrayLike, *, blocks: int = 16) -> float:
    """Probability that the configuration with the best Sharpe ratio in sample is not above the median out of sample.

    Combinatorially symmetric cross-validation: the rows are cut into blocks, and each half of the blocks is in sample
    once, the other half out of sample. The share of `overfitting_logits` at or below zero.

    Bailey, Borwein, Lopez de Prado and Zhu (2017), "The probability of backtest overfitting", Journal of Computational
    Finance 20(4).

    Parameters
    ----------
    returns : array_like, shape (T, N)
        Simple returns of N configurations over the same T periods, none of which any of them was chosen on.
    blocks : int
        An even number of at most 20.

    Returns
    -------
    float
        Between 0 and 1: about 0.5 where all configurations are equally good, near 0 where the best stays the best.

    Raises
    ------
    ParameterError
        If `blocks` is not even, or not from 2 to 20.
    DataError
        If there are fewer than two configurations, fewer than two periods to a block, or a return that is not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> noise = rng.normal(0.0, 0.01, (1000, 5))
    >>> probability_of_backtest_overfitting(noise + [0.002, 0.0, 0.0, 0.0, 0.0], blocks=8)
    0.0
    """
    return float(np.mean(overfitting_logits(returns, blocks=blocks) <= 0.0))


def overfitting_logits(returns: ArrayLike, *, blocks: int = 16) -> NDArray[np.float64]:
    """Logit of the relative rank out of sample of the configuration that is best in sample, per combination of blocks.

    The relative rank is ``rank / (N + 1)``, as in the paper; R's package ``pbo`` takes ``rank / N``. Among equals, the
    first is the best in sample, and out of sample they share their mean rank. A Sharpe ratio of returns that do not
    vary is 0: nothing was held. Blocks are of equal length, or differ by one row.

    Parameters
    ----------
    returns : array_like, shape (T, N)
    blocks : int

    Returns
    -------
    ndarray, shape (C(blocks, blocks / 2),)

    Raises
    ------
    ParameterError, DataError
        As in `probability_of_backtest_overfitting`.
    """
    values = _checked(returns, blocks)
    parts = np.array_split(values, blocks)
    sums = np.array([part.sum(axis=0) for part in parts])
    squares = np.array([(part**2).sum(axis=0) for part in parts])
    lengths = np.array([len(part) for part in parts], dtype=np.float64)
    found = []
    for chosen in _halves(blocks):
        inside = _sharpe(chosen @ lengths, chosen @ sums, chosen @ squares)
        outside = _sharpe((1.0 - chosen) @ lengths, (1.0 - chosen) @ sums, (1.0 - chosen) @ squares)
        best = outside[np.arange(len(chosen)), np.argmax(inside, axis=1)][:, None]
        rank = 0.5 * ((outside < best).sum(axis=1) + (outside <= best).sum(axis=1) + 1.0)
        relative = rank / (values.shape[1] + 1.0)
        found.append(np.log(relative / (1.0 - relative)))
    return np.concatenate(found)


def _halves(blocks: int) -> Iterator[NDArray[np.float64]]:
    """Yield which blocks are in sample: a row of ones and zeros for each combination."""
    left = combinations(range(blocks), blocks // 2)
    while listed := list(islice(left, CHUNK)):
        chosen = np.zeros((len(listed), blocks))
        np.put_along_axis(chosen, np.array(listed), 1.0, axis=1)
        yield chosen


def _sharpe(
    length: NDArray[np.float64], total: NDArray[np.float64], squares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sharpe ratios per period from sums, shape (combinations, N)."""
    mean = total / length[:, None]
    variance = (squares - total * mean) / (length[:, None] - 1.0)
    held = variance > 1e-12 * squares / length[:, None]  # below that, rounding
    return np.where(held, mean / np.sqrt(np.where(held, variance, 1.0)), 0.0)


def _checked(returns: ArrayLike, blocks: int) -> NDArray[np.float64]:
    if not (is_whole(blocks, 2) and blocks % 2 == 0 and blocks <= MOST_BLOCKS):
        raise ParameterError("blocks", must=f"be an even number from 2 to {MOST_BLOCKS}", got=blocks)
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < 2:
        raise DataError("returns", must="have a column for each of at least 2 configurations", got=values.shape)
    if len(values) < 2 * blocks:
        hint = "Take fewer blocks."
        raise DataError("returns", must=f"have at least 2 rows for each of {blocks} blocks", got=len(values), hint=hint)
    if not np.isfinite(values).all():
        raise DataError("returns", must="be finite", got=float(values[~np.isfinite(values)][0]))
    return values
