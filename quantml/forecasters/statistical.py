"""Time-series models fitted to each symbol by itself."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.bars import Bars
from quantml.errors import ForecastError, ParameterError
from quantml.forecasters.base import Question, RowForecast, Test, Train
from quantml.forecasters.tabular import ROUNDING, window
from quantml.space import Declaration

__all__ = ["ARIMA", "FittedARIMA"]

LOGGER = logging.getLogger("quantml")

SCALE: Final = 100.0
"""Returns are fitted in percent: the optimiser and the filter are badly conditioned on variances near 1e-4."""

RETURNS_PER_PARAMETER: Final = 5
"""Fewest training returns of a symbol for each parameter."""

ITERATIONS: Final = 200
"""Most iterations of the optimiser; statsmodels' default of 50 stops many fits of four parameters short."""


@dataclass(frozen=True)
class ARIMA(Declaration):
    r"""ARIMA on the one-bar simple returns of each symbol, fitted by maximum likelihood in state-space form.

    The series is that of the symbol's own bars, adjusted closes, from the first bar of the training window to the
    decision bar that opens the test block, less the embargo. Parameters stay fixed through the block; the state is
    carried through it bar by bar by the Kalman filter, as statsmodels' ``append(refit=False)`` does. A forecast uses
    bars at or before its decision only.

    The forecast of a horizon h compounds the forecasts m of the next h one-bar returns,

    .. math:: \prod_{i=1}^{h} (1 + m_{t+i|t}) - 1

    which leaves out their conditional covariances, of the size of h times the one-bar variance times the
    autocorrelation. `RowForecast.variance` is given for h = 1. Inside, returns are in percent.

    The optimiser is statsmodels' default one, with up to 200 iterations. One that does not converge is logged as a
    warning that names the symbol, and the symbol is listed in `FittedARIMA.unconverged`. A symbol with returns in
    the window, but fewer than 5 for each parameter, is logged and not forecast; one with none is not forecast.

    Parameters
    ----------
    order : tuple of three int
        Autoregressive lags p, differences d, moving-average lags q, each at least 0.
    trend : {"c", "n"}
        With a mean, or without one. With d of 1 or more a mean has no meaning, and the trend is ``"n"``.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Durbin and Koopman (2012), Time Series Analysis by State Space Methods, 2nd edition, sections 3.4 and 4.3.
    """

    order: tuple[int, int, int] = (1, 0, 0)
    trend: str = "c"

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        whole = isinstance(self.order, (tuple, list)) and len(self.order) == 3 and all(map(_is_count, self.order))
        if not whole:
            raise ParameterError("ARIMA.order", must="be three whole numbers (p, d, q) of at least 0", got=self.order)
        object.__setattr__(self, "order", tuple(self.order))
        if self.trend not in ("c", "n"):
            raise ParameterError("ARIMA.trend", must="be 'c' (a mean) or 'n' (none)", got=self.trend)
        if self.order[1] > 0 and self.trend == "c":
            raise ParameterError("ARIMA.trend", must="be 'n' where order has d of 1 or more", got=self.trend)

    def fit(self, train: Train) -> FittedARIMA:
        """Fit each symbol's parameters.

        Raises
        ------
        ForecastError
            If the target is not a return that starts at the close, there are sample weights, a symbol's returns are
            constant, or no symbol has enough of them.
        """
        _check_question(train.question)
        if train.weight is not None:
            hint = "Leave the study's sample_weight out: a series is fitted as a whole, not row by row."
            raise ForecastError("ARIMA", must="be fitted without sample weights", got="some", hint=hint)
        parameters: dict[int, NDArray[np.float64]] = {}
        unconverged = []
        for column, symbol in enumerate(train.bars.symbols):
            _, returns = own_returns(train.bars, column, train.start, len(train.bars) - train.embargo)
            if self._has_enough(returns, symbol, train):
                parameters[column], converged = self._fit_symbol(returns, f"{symbol}, {window(train)}")
                unconverged += [] if converged else [symbol]
        if not parameters:
            least = RETURNS_PER_PARAMETER * self._parameter_count
            hint = "Lengthen train, or lower the order."
            raise ForecastError("ARIMA", must=f"have at least {least} returns of a symbol to fit", where=window(train),
                                got=len(train.bars) - train.embargo - train.start - 1, hint=hint)  # fmt: skip
        return FittedARIMA(self, parameters, train.start, tuple(unconverged))

    @property
    def _parameter_count(self) -> int:
        return self.order[0] + self.order[2] + (self.trend == "c") + 1

    def _has_enough(self, returns: NDArray[np.float64], symbol: str, train: Train) -> bool:
        if len(returns) >= RETURNS_PER_PARAMETER * self._parameter_count:
            return True
        if len(returns):
            LOGGER.warning("ARIMA does not forecast %s: %d returns, fewer than %d for each parameter (%s)",
                           symbol, len(returns), RETURNS_PER_PARAMETER, window(train))  # fmt: skip
        return False

    def _fit_symbol(self, returns: NDArray[np.float64], where: str) -> tuple[NDArray[np.float64], bool]:
        if np.ptp(returns) <= ROUNDING * np.abs(returns).max():
            raise ForecastError("ARIMA must see returns that vary", got=f"a constant {returns[0]:.6g}", where=where,
                                hint="Leave the symbol out, or lengthen train.")  # fmt: skip
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result = self.model(returns).fit(
                    cov_type="none", low_memory=True, method_kwargs={"maxiter": ITERATIONS}
                )
            except np.linalg.LinAlgError as error:
                raise ForecastError(f"ARIMA could not be fitted: {error}", where=where) from error
        for warning in caught:
            level = logging.INFO if "starting" in str(warning.message) else logging.WARNING
            LOGGER.log(level, "ARIMA (%s): %s", where, warning.message)
        return np.asarray(result.params, dtype=np.float64), bool(result.mle_retvals["converged"])

    def model(self, returns: NDArray[np.float64]) -> Any:
        """Return statsmodels' model of simple returns, shape (n,); it holds them in percent."""
        from statsmodels.tsa.arima.model import ARIMA as Model  # noqa: N811

        return Model(SCALE * returns, order=self.order, trend=self.trend)


@dataclass(frozen=True, eq=False)
class FittedARIMA(ReadOnly):
    """Parameters of each symbol, and where its state starts.

    Attributes
    ----------
    declared : ARIMA
    parameters : mapping of int to ndarray
        By column number, in statsmodels' order, for returns in percent.
    start : int
        Clock position of the first bar that the state uses.
    unconverged : tuple of str
        Symbols whose optimiser did not converge.
    """

    declared: ARIMA
    parameters: Mapping[int, NDArray[np.float64]]
    start: int
    unconverged: tuple[str, ...]

    def predict(self, test: Test) -> RowForecast:
        """Filter each symbol's bars, and read the forecasts off the state after each row's bar.

        Rows of symbols that were not fitted, or without a bar of the symbol, are NaN.
        """
        mean, variance = np.full((2, len(test.time)), np.nan)
        for column, parameters in self.parameters.items():
            rows = np.flatnonzero(test.symbol == column)
            bars, returns = own_returns(test.bars, column, self.start)
            bar = np.searchsorted(bars, test.time[rows])
            found = bar < len(bars)
            found[found] = bars[bar[found]] == test.time[rows][found]
            if found.any():
                means, variances = self._forecast(returns, parameters, test.question.horizon)
                mean[rows[found]], variance[rows[found]] = means[bar[found]], variances[bar[found]]
        return RowForecast(mean, variance=variance if test.question.horizon == 1 else None)

    def _forecast(
        self, returns: NDArray[np.float64], parameters: NDArray[np.float64], horizon: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean over `horizon` bars, and the one-bar variance, after 0, 1, ... returns have been seen."""
        model = self.declared.model(returns)
        model.update(parameters)
        filtered = model.ssm.filter()
        design, transition = filtered.design[:, :, 0], filtered.transition[:, :, 0]
        state, growth = np.ascontiguousarray(filtered.predicted_state), np.ones(len(returns) + 1)
        spread = (np.outer(design, design)[:, :, None] * np.ascontiguousarray(filtered.predicted_state_cov)).sum(
            axis=(0, 1)
        )
        for _ in range(horizon):
            one_bar = filtered.obs_intercept[0, 0] + (design.T * state).sum(axis=0)
            growth *= 1.0 + one_bar / SCALE
            state = _times(transition, state)
        return growth - 1.0, spread / SCALE**2


def own_returns(
    bars: Bars, column: int, start: int, stop: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return where a symbol's own bars stand from clock position `start` until before `stop`, and their returns.

    The first of n bars has no return, so that there are n - 1 returns, of adjusted closes.
    """
    close = bars.array("close")[start:stop, column]
    traded = np.flatnonzero(~np.isnan(close))
    prices = close[traded]
    return traded + start, prices[1:] / prices[:-1] - 1.0


def _times(matrix: NDArray[np.float64], states: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multiply each column of `states`, shape (k, T), by `matrix`, in an order of additions that is free of T."""
    return np.asarray((matrix[:, :, None] * states[None, :, :]).sum(axis=1), dtype=np.float64)


def _check_question(question: Question) -> None:
    if question.kind != "return" or question.start != "close":
        hint = 'Use target=ForwardReturn(start="close").'
        asked = f"a {question.kind} that starts at the {question.start}"
        raise ForecastError("ARIMA must forecast a return that starts at the close", got=asked, hint=hint)


def _is_count(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and int(value) >= 0
