"""Errors of forecasts of a number: of a return, a volatility, a quantile, an interval."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from quantml.errors import DataError, ParameterError
from quantml.evaluation.pairs import Flags, aligned, complete, mean
from quantml.evaluation.series import Values, ratio


def squared_error(realised: Values, forecast: Values) -> Values:
    """Squared difference, cell by cell; a loss for `diebold_mariano`."""
    return (realised - forecast) ** 2


def absolute_error(realised: Values, forecast: Values) -> Values:
    """Absolute difference, cell by cell; a loss for `diebold_mariano`."""
    return np.abs(realised - forecast)


def variance_loss(realised: Values, forecast: Values) -> Values:
    """``realised / forecast - log(realised / forecast) - 1`` of variances, cell by cell; the loss behind `qlike`."""
    proportion = realised / forecast
    return proportion - np.log(proportion) - 1.0


def rmse(realised: ArrayLike, forecast: ArrayLike) -> float:
    """Root mean squared error over all cells; cells in which either is NaN are left out.

    Parameters
    ----------
    realised, forecast : array_like, shape (T,) or (T, N)
        In the target's unit.

    Returns
    -------
    float
        In the target's unit; NaN without a complete pair.

    Examples
    --------
    >>> rmse([1.0, 2.0, float("nan")], [2.0, 2.0, 9.0]) == 0.5**0.5
    True
    """
    return math.sqrt(mean(squared_error(*complete(realised, forecast=forecast))))


def mae(realised: ArrayLike, forecast: ArrayLike) -> float:
    """Mean absolute error over all cells; cells in which either is NaN are left out.

    Parameters
    ----------
    realised, forecast : array_like, shape (T,) or (T, N)
        In the target's unit.

    Returns
    -------
    float
        In the target's unit; NaN without a complete pair.
    """
    return mean(absolute_error(*complete(realised, forecast=forecast)))


def mase(realised: ArrayLike, forecast: ArrayLike, *, history: ArrayLike, season: int = 1) -> float:
    """Mean absolute error scaled by the naive forecast's mean absolute error on the training history.

    Hyndman and Koehler (2006), International Journal of Forecasting 22(4), section 3. Each symbol has a scale of its
    own, ``mean |history[t] - history[t - season]|`` over its known values. Cells in which realised value, forecast or
    scale is NaN are left out.

    Parameters
    ----------
    realised, forecast : array_like, shape (T,) or (T, N)
        In the target's unit.
    history : array_like, shape (H,) or (H, N)
        Earlier values of the target, by which the naive forecast is scaled.
    season : int
        Steps that the naive forecast looks back.

    Returns
    -------
    float
        Below 1, better than the naive forecast was in the history; NaN where no scale is above zero.

    Raises
    ------
    ParameterError
        If `season` is below 1.
    DataError
        If `history` has other symbols than `realised`.
    """
    if season < 1:
        raise ParameterError("season", must="be at least 1", got=season)
    truth, guess = aligned(realised, forecast=forecast)
    (past,) = aligned(history)
    if past.shape[1] != truth.shape[1]:
        raise DataError("history", must=f"have as many symbols as realised, {truth.shape[1]}", got=past.shape[1])
    scale = np.array([_naive_error(column[~np.isnan(column)], season) for column in past.T])
    errors = np.abs(truth - guess) / scale
    return mean(errors[~np.isnan(errors)])


def _naive_error(values: Values, season: int) -> float:
    error = mean(np.abs(values[season:] - values[:-season]))
    return error if error > 0.0 else math.nan


def smape(realised: ArrayLike, forecast: ArrayLike) -> float:
    """Mean of ``2 |realised - forecast| / (|realised| + |forecast|)``, a decimal between 0 and 2.

    Makridakis (1993), International Journal of Forecasting 9(4), who writes 200 % for our 2. Cells in which either is
    NaN are left out; where both are zero the error is 0.

    Parameters
    ----------
    realised, forecast : array_like, shape (T,) or (T, N)
        In the target's unit.

    Returns
    -------
    float
        NaN without a complete pair.
    """
    truth, guess = complete(realised, forecast=forecast)
    size = np.abs(truth) + np.abs(guess)
    return mean(np.divide(2.0 * np.abs(truth - guess), size, out=np.zeros_like(size), where=size > 0.0))


def r2_out_of_sample(realised: ArrayLike, forecast: ArrayLike, *, naive: ArrayLike) -> float:
    """One minus the forecast's squared errors over the naive forecast's.

    Campbell and Thompson (2008), Review of Financial Studies 21(4), where the naive forecast is the mean of the
    returns up to the decision. Cells in which any of the three is NaN are left out.

    Parameters
    ----------
    realised, forecast, naive : array_like, shape (T,) or (T, N)
        In the target's unit.

    Returns
    -------
    float
        Above 0, better than the naive forecast; NaN where that makes no error at all.
    """
    truth, guess, plain = complete(realised, forecast=forecast, naive=naive)
    return 1.0 - ratio(squared_error(truth, guess).sum(), squared_error(truth, plain).sum())


def qlike(realised: ArrayLike, forecast: ArrayLike) -> float:
    """Mean of ``h / f - log(h / f) - 1`` over realised variances h and forecast variances f.

    Patton (2011), Journal of Econometrics 160(1), the robust family's member b = -2: it ranks forecasts rightly even
    where the realised variance is only measured with noise. Cells in which either is NaN are left out.

    Parameters
    ----------
    realised, forecast : array_like, shape (T,) or (T, N)
        Variances, above zero: square volatilities before.

    Returns
    -------
    float
        0 for perfect forecasts; NaN without a complete pair.

    Raises
    ------
    DataError
        If a variance is not above zero.
    """
    truth, guess = complete(realised, forecast=forecast)
    for name, values in (("realised", truth), ("forecast", guess)):
        if (values <= 0.0).any():
            raise DataError(name, must="be variances above 0", got=float(values.min()))
    return mean(variance_loss(truth, guess))


def pinball_loss(realised: ArrayLike, forecast: ArrayLike, *, quantile: float) -> float:
    """Mean quantile loss: ``quantile`` times a shortfall of the forecast, ``1 - quantile`` times an excess.

    Koenker and Bassett (1978), Econometrica 46(1). Cells in which either is NaN are left out.

    Parameters
    ----------
    realised, forecast : array_like, shape (T,) or (T, N)
        In the target's unit.
    quantile : float
        Between 0 and 1.

    Returns
    -------
    float
        In the target's unit; NaN without a complete pair.

    Raises
    ------
    ParameterError
        If `quantile` is not between 0 and 1.
    """
    if not 0.0 < quantile < 1.0:
        raise ParameterError("quantile", must="be between 0 and 1", got=quantile)
    truth, guess = complete(realised, forecast=forecast)
    return mean(np.maximum(quantile * (truth - guess), (quantile - 1.0) * (truth - guess)))


def coverage(realised: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """Share of the realised values inside their forecast intervals, ends included.

    Cells in which any of the three is NaN are left out.

    Parameters
    ----------
    realised, low, high : array_like, shape (T,) or (T, N)
        In the target's unit.

    Returns
    -------
    float
        NaN without a complete triple.

    Raises
    ------
    DataError
        If an interval's low end is above its high end.
    """
    truth, lower, upper = complete(realised, low=low, high=high)
    crossed: Flags = lower > upper
    if crossed.any():
        at = int(crossed.argmax())
        raise DataError("low", must="be at or below high", got=(float(lower[at]), float(upper[at])))
    return mean(((lower <= truth) & (truth <= upper)).astype(np.float64))
