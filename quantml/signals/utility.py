"""Utility: the weights that expected returns are worth, given their risk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantml.cash import cash_returns
from quantml.errors import SignalError, check, is_finite, is_whole
from quantml.features.base import Feature, build_features
from quantml.forecasters.base import Forecast
from quantml.signals.allocation import best_weights, check_bounds, check_covariance
from quantml.signals.base import Context, Weights, forecast_for, nothing_for, while_closed
from quantml.signals.covariance import Covariance, Matrix, SampleCovariance, Vector, check_regular
from quantml.signals.windows import Window, Windowed


@dataclass(frozen=True)
class _Utility(Windowed):
    risk_aversion: float = 1.0
    horizon: int = 1
    covariance: Covariance = field(default_factory=SampleCovariance)
    lower: float | None = None
    upper: float | None = None
    budget: float | None = 1.0

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        name, positive = type(self).__name__, is_finite(self.risk_aversion) and self.risk_aversion > 0.0
        check(positive, f"{name}.risk_aversion", "be a finite number above 0", self.risk_aversion)
        check(is_whole(self.horizon, least=1), f"{name}.horizon", "be a whole number of at least 1", self.horizon)
        check(self.budget is None or is_finite(self.budget), f"{name}.budget", "be a finite number, or None",
              self.budget)  # fmt: skip
        check_covariance(self, self.covariance)
        check_bounds(self, self.lower, self.upper)

    def weights(self, mean: Vector, covariance: Matrix) -> Vector:
        """Maximise ``m'w - risk_aversion / 2 * w'Cw`` within bounds and budget; raise `Unsolvable` otherwise."""
        return best_weights(self.risk_aversion * covariance, mean, (self.lower, self.upper), self.budget)


@dataclass(frozen=True)
class MeanVariance(_Utility):
    r"""Maximise expected return less a penalty on its variance: :math:`\max_w\ w'\mu - \frac{\gamma}{2} w'\Sigma w`.

    Expected returns are the forecast's; in a study without a forecaster, the mean of the last `window` returns less
    what cash earned, which is known to be a poor estimate. Without bounds the solution is the closed form
    ``C^-1 (m - price) / risk_aversion``, with the price that makes weights add up to `budget`. A forecast is taken for
    an expected excess return over `horizon` rows.

    Parameters
    ----------
    window : int
        Rows of the clock, at least 2.
    risk_aversion : float
        Positive; 1 is the Kelly investor's.
    horizon : int
        Rows that a forecast spans, which the covariance is multiplied by; a mean of returns spans 1.
    covariance : function
        Of returns, shape (window, n), that gives their covariance, shape (n, n).
    lower, upper : float, optional
        Bounds of each weight.
    budget : float, optional
        Sum of the weights; None for none: what is not invested is cash.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Markowitz (1952), Portfolio selection, Journal of Finance 7(1).
    """

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Compute the weights.

        Raises
        ------
        SignalError
            If this is not the first step, or the forecast is of anything but a return.
        """
        if inputs is None or not isinstance(inputs, Forecast):
            nothing_for(self, inputs)
            rate = cash_returns(context.cash, context.bars)
            return context.weights(
                self.solve_rows(context.universe, np.ones(len(rate), dtype=np.bool_), (None, rate), context)
            )
        expected = returns_forecast(self, inputs, context)
        return context.weights(self.solve_rows(~np.isnan(expected), since_first(expected), (expected, None), context))

    def solve(self, window: Window, inputs: Any) -> Vector:
        """Weigh one row's candidates."""
        expected, rate = inputs
        covariance = self.covariance(window.returns)
        if expected is not None:
            return self.weights(expected[window.row, window.columns], covariance * self.horizon)
        cash = rate[window.row - self.window + 1 : window.row + 1].mean()
        return self.weights(window.returns.mean(axis=0) - cash, covariance)


@dataclass(frozen=True)
class BlackLitterman(_Utility):
    r"""Tilt a market portfolio towards the forecasts, as far as they are trusted.

    The expected returns behind the market's weights, :math:`\Pi = \gamma \Sigma w`, are the prior, of covariance
    :math:`\tau\Sigma`; each forecast is a view on its symbol. The mean-variance portfolio of the posterior is held; a
    symbol without a forecast has no view, and its market weight moves only as others do. Without bounds, budget or
    views the market portfolio over ``1 + tau`` is held, as in He and Litterman. Nothing is held on rows of no fold.

    Parameters
    ----------
    window : int
        Rows of the clock, at least 2.
    risk_aversion : float
        Positive.
    horizon : int
        Rows that a forecast spans, which the covariance is multiplied by.
    covariance : function
        Of returns, shape (window, n), that gives their covariance, shape (n, n).
    lower, upper : float, optional
        Bounds of each weight.
    budget : float, optional
        Sum of the weights; None for none.
    market : feature, optional
        ``f(bars) -> frame`` in proportion to the market's weights, such as a market value: positive, or else the symbol
        is none of the market. Equal weights without it.
    tau : float
        How uncertain the prior is, in variances of a return; positive.
    confidence : float
        Above 0 and below 1. A view's variance is ``tau * C_ii * (1 - confidence) / confidence``: at 0.5 a forecast
        counts as much as the prior.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Black and Litterman (1992), Global portfolio optimization, Financial Analysts Journal 48(5); He and Litterman
    (1999), The intuition behind Black-Litterman model portfolios, appendix B.
    """

    market: Feature | None = None
    tau: float = 0.05
    confidence: float = 0.5

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        held = self.market is None or callable(self.market)
        check(held, "BlackLitterman.market", "be a feature, f(bars) -> frame", self.market)
        check(is_finite(self.tau) and self.tau > 0.0, "BlackLitterman.tau", "be a finite number above 0", self.tau)
        inside = is_finite(self.confidence) and 0.0 < self.confidence < 1.0
        check(inside, "BlackLitterman.confidence", "be above 0 and below 1", self.confidence)

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Compute the weights.

        Raises
        ------
        SignalError
            If there is no forecast of a return.
        """
        forecast = forecast_for(self, inputs)
        expected, sizes = returns_forecast(self, forecast, context), market_sizes(self.market, context)
        return context.weights(self.solve_rows(sizes > 0.0, forecast.fold >= 0, (expected, sizes), context))

    def solve(self, window: Window, inputs: Any) -> Vector:
        """Weigh one row's candidates."""
        expected, sizes = (part[window.row, window.columns] for part in inputs)
        covariance = self.covariance(window.returns) * self.horizon
        check_regular(covariance)
        prior = self.risk_aversion * covariance @ (sizes / sizes.sum())
        views = np.eye(len(sizes))[~np.isnan(expected)]
        doubt = np.diag(views @ covariance @ views.T) * self.tau * (1.0 - self.confidence) / self.confidence
        mean, extra = posterior(prior, self.tau * covariance, views, expected[~np.isnan(expected)], np.diag(doubt))
        return self.weights(mean, covariance + extra)


def posterior(prior: Vector, uncertainty: Matrix, pick: Matrix, views: Vector, doubt: Matrix) -> tuple[Vector, Matrix]:
    r"""Combine a normal prior of expected returns with views on combinations of them.

    Parameters
    ----------
    prior : ndarray, shape (n,)
    uncertainty : ndarray, shape (n, n)
        Covariance of the prior, :math:`\tau\Sigma`.
    pick : ndarray, shape (k, n)
        The combination that each view is on.
    views : ndarray, shape (k,)
        The expected return of each combination.
    doubt : ndarray, shape (k, k)
        Covariance of the views' errors.

    Returns
    -------
    tuple of ndarray
        Mean, shape (n,), and covariance, shape (n, n), of the expected returns.

    References
    ----------
    He and Litterman (1999), equations 8 to 10, with the inverse of the smaller matrix.
    """
    spread = uncertainty @ pick.T
    gain = np.linalg.solve(pick @ spread + doubt, spread.T).T
    return prior + gain @ (views - pick @ prior), uncertainty - gain @ spread.T


def market_sizes(market: Feature | None, context: Context) -> NDArray[np.float64]:
    """Return what market weights are in proportion to, shape (T, N); NaN where a symbol is none of the market."""
    if market is None:
        return np.where(context.universe, 1.0, np.nan)
    sizes = while_closed(build_features((market,), context.bars).values[:, :, 0], context.bars)
    return np.where(context.universe & (sizes > 0.0), sizes, np.nan)


def returns_forecast(step: object, forecast: Forecast, context: Context) -> NDArray[np.float64]:
    """Return the forecast returns of candidates, NaN elsewhere; raise `SignalError` for another kind of forecast."""
    if forecast.kind not in ("return", "excess"):
        hint = "Forecast a ForwardReturn, or use a rule such as Sign()."
        got = f"a forecast of a {forecast.kind}"
        raise SignalError(type(step).__name__, must="receive a forecast of a return", got=got, hint=hint)
    return np.where(context.universe, while_closed(forecast.mean, context.bars), np.nan)


def since_first(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say of each row whether it or one before it has a value."""
    return np.asarray(np.maximum.accumulate(~np.isnan(values).all(axis=1)), dtype=np.bool_)
