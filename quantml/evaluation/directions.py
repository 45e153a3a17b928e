"""Forecasts of which way, how likely, and in which order."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from quantml.errors import DataError
from quantml.evaluation.pairs import Flags, aligned, complete, known_everywhere, mean
from quantml.evaluation.series import Values, ratio


def probability_error(realised: Values, probability: Values) -> Values:
    """Squared difference between an event (1 where `realised` is above 0) and its probability, cell by cell."""
    return ((realised > 0.0) - probability) ** 2


def directional_accuracy(realised: ArrayLike, forecast: ArrayLike) -> float:
    """Share of the cells in which forecast and realised value have the same sign.

    Cells in which either is NaN or exactly zero are left out: they have no direction.

    Parameters
    ----------
    realised, forecast : array_like, shape (T,) or (T, N)
        Signed; for probabilities p and events y give ``2 * y - 1`` and ``2 * p - 1``.

    Returns
    -------
    float
        NaN where no cell has two directions.
    """
    truth, guess = complete(realised, forecast=forecast)
    signs = np.sign(truth) * np.sign(guess)
    return ratio(np.sum(signs > 0.0), np.sum(signs != 0.0))


def information_coefficients(realised: ArrayLike, forecast: ArrayLike) -> Values:
    """Spearman rank correlation across symbols between forecasts and realised values, for every date.

    Ties share their average rank. Symbols for which either is NaN are left out of that date.

    Parameters
    ----------
    realised, forecast : array_like, shape (T, N)
        Time x symbol.

    Returns
    -------
    ndarray, shape (T,)
        NaN on dates with fewer than two complete pairs, or where all forecasts or all realised values are equal.

    Raises
    ------
    DataError
        If there are fewer than two symbols.
    """
    truth, guess = aligned(realised, forecast=forecast)
    if truth.shape[1] < 2:
        raise DataError("realised", must="have at least 2 symbols to be ranked on a date", got=truth.shape[1])
    known = known_everywhere(truth, guess)
    mine, theirs = _centred_ranks(guess, known), _centred_ranks(truth, known)
    size = np.sqrt((mine**2).sum(axis=1) * (theirs**2).sum(axis=1))
    coefficients = np.full(len(size), np.nan)
    np.divide((mine * theirs).sum(axis=1), size, out=coefficients, where=size > 0.0)
    return coefficients


def _centred_ranks(values: Values, known: Flags) -> Values:
    ranks = pd.DataFrame(np.where(known, values, np.nan)).rank(axis=1)
    centred: Values = ranks.sub(ranks.mean(axis=1), axis=0).fillna(0.0).to_numpy(dtype=np.float64)
    return centred


def information_coefficient(realised: ArrayLike, forecast: ArrayLike) -> float:
    """Mean over the dates of the `information_coefficients`.

    Grinold and Kahn (2000), "Active Portfolio Management", chapter 6, with ranks. Dates without a coefficient are
    left out.

    Parameters
    ----------
    realised, forecast : array_like, shape (T, N)
        Time x symbol.

    Returns
    -------
    float
        Between -1 and 1; NaN where no date has a coefficient.

    Raises
    ------
    DataError
        If there are fewer than two symbols.
    """
    dated = information_coefficients(realised, forecast)
    return mean(dated[~np.isnan(dated)])


def brier(realised: ArrayLike, probability: ArrayLike) -> float:
    """Mean squared difference between the event "realised above 0" and its forecast probability (Brier 1950).

    Cells in which either is NaN are left out.

    Parameters
    ----------
    realised : array_like, shape (T,) or (T, N)
        An event happened where it is above 0: 1 and 0, or a return itself.
    probability : array_like, shape (T,) or (T, N)
        Between 0 and 1.

    Returns
    -------
    float
        0 is perfect, 0.25 is what a constant one half earns; NaN without a complete pair.

    Raises
    ------
    DataError
        If a probability is outside 0 to 1.
    """
    return mean(probability_error(*_events(realised, probability)))


def log_loss(realised: ArrayLike, probability: ArrayLike) -> float:
    """Mean negative log of the probability given to what happened.

    Good (1952), Journal of the Royal Statistical Society B 14(1). Cells in which either is NaN are left out; nothing is
    clipped, so that certainty about what did not happen costs an infinite loss.

    Parameters
    ----------
    realised : array_like, shape (T,) or (T, N)
        An event happened where it is above 0.
    probability : array_like, shape (T,) or (T, N)
        Between 0 and 1.

    Returns
    -------
    float
        NaN without a complete pair.

    Raises
    ------
    DataError
        If a probability is outside 0 to 1.
    """
    truth, chance = _events(realised, probability)
    with np.errstate(divide="ignore"):
        return mean(-np.log(np.where(truth > 0.0, chance, 1.0 - chance)))


def _events(realised: ArrayLike, probability: ArrayLike) -> tuple[Values, Values]:
    truth, chance = complete(realised, probability=probability)
    outside = (chance < 0.0) | (chance > 1.0)
    if outside.any():
        raise DataError("probability", must="be between 0 and 1", got=float(chance[outside][0]))
    return truth, chance


def precision(realised: ArrayLike, forecast: ArrayLike, *, threshold: float = 0.0) -> float:
    """Share of the forecasts above `threshold` whose realised value was above 0; NaN cells are left out.

    Parameters
    ----------
    realised, forecast : array_like, shape (T,) or (T, N)
        An event happened where realised is above 0.
    threshold : float
        Above it a forecast says yes: 0 for returns, 0.5 for probabilities.

    Returns
    -------
    float
        NaN where no forecast says yes.
    """
    hits, false_alarms, _ = _outcomes(realised, forecast, threshold)
    return ratio(hits, hits + false_alarms)


def recall(realised: ArrayLike, forecast: ArrayLike, *, threshold: float = 0.0) -> float:
    """Share of the realised values above 0 whose forecast was above `threshold`; NaN cells are left out.

    Parameters
    ----------
    realised, forecast : array_like, shape (T,) or (T, N)
        An event happened where realised is above 0.
    threshold : float
        Above it a forecast says yes: 0 for returns, 0.5 for probabilities.

    Returns
    -------
    float
        NaN where nothing happened.
    """
    hits, _, misses = _outcomes(realised, forecast, threshold)
    return ratio(hits, hits + misses)


def f1(realised: ArrayLike, forecast: ArrayLike, *, threshold: float = 0.0) -> float:
    """Harmonic mean of `precision` and `recall`; NaN cells are left out.

    Parameters
    ----------
    realised, forecast : array_like, shape (T,) or (T, N)
        An event happened where realised is above 0.
    threshold : float
        Above it a forecast says yes: 0 for returns, 0.5 for probabilities.

    Returns
    -------
    float
        NaN where nothing happened and no forecast says yes.
    """
    hits, false_alarms, misses = _outcomes(realised, forecast, threshold)
    return ratio(2 * hits, 2 * hits + false_alarms + misses)


def _outcomes(realised: ArrayLike, forecast: ArrayLike, threshold: float) -> tuple[int, int, int]:
    """Count hits, false alarms and misses."""
    truth, guess = complete(realised, forecast=forecast)
    happened, said = truth > 0.0, guess > threshold
    return int(np.sum(happened & said)), int(np.sum(~happened & said)), int(np.sum(happened & ~said))
