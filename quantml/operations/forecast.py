"""The next session's forecast and target weights, from the latest data, by the walk-forward's own rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from quantml.bars import Bars
from quantml.calendars import bar_length, next_session
from quantml.errors import StudyError
from quantml.study import Study
from quantml.validation.splits import CombinatorialPurged
from quantml.validation.walkforward import WalkForwardResult, walk_forward


@dataclass(frozen=True, eq=False)
class NextForecast:
    """What a study decides at the close of the latest bar.

    Attributes
    ----------
    study : str
    decided : Timestamp
        The bar at whose close the decision is made.
    session : Timestamp or None
        The next session of the exchange; None where the bars name no exchange.
    fill : str
        When the decision is executed.
    table : DataFrame
        One row per symbol: symbol, close, forecast, probability, weight. The weights are the newest decided ones.
    weights_from : Timestamp or None
        When the weights were decided: earlier than `decided` where the latest bar decides nothing and positions are
        left to drift; None where nothing was decided yet.
    trades, fits : bool
        Whether the study has a signal, and a forecaster.
    parameters : mapping
        What tuning chose in the current fold; of several configurations that are averaged, the best.
    trained_until : Timestamp
        The decision at whose close the current model was fitted.
    sealed : Timestamp or None
        Where the study's lockbox begins, where the decision stands on bars that it seals; None otherwise.
    """

    study: str
    decided: pd.Timestamp
    session: pd.Timestamp | None
    fill: str
    table: pd.DataFrame
    weights_from: pd.Timestamp | None
    trades: bool
    fits: bool
    parameters: Mapping[str, Any]
    trained_until: pd.Timestamp
    sealed: pd.Timestamp | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the forecast as plain values; what is not a number is null."""
        table = self.table.astype(object).where(self.table.notna(), None)
        return {
            "study": self.study,
            "decided": self.decided.isoformat(),
            "session": None if self.session is None else self.session.isoformat(),
            "fill": self.fill,
            "trained_until": self.trained_until.isoformat() if self.fits else None,
            "weights_from": None if self.weights_from is None else self.weights_from.isoformat(),
            "parameters": {name: str(value) for name, value in self.parameters.items()},
            "sealed": None if self.sealed is None else self.sealed.isoformat(),
            "symbols": table.to_dict("records"),
        }


def forecast_next(study: Study, *, as_of: str | None = None) -> NextForecast:
    """Forecast the next session from the latest bars.

    The model is the one that the walk-forward would use: tuned and fitted at the start of the block that the latest
    bar falls into, or at the latest refit in it, with its state carried to that bar. Where a step of the signal reads
    earlier forecasts or weights, or the block has decided nothing yet, the whole walk-forward is run.

    Parameters
    ----------
    study : Study
    as_of : str, optional
        Decide as of the close of this date, from what was known then.

    Raises
    ------
    InputError
        If there is no bar at or before `as_of`, or study or data are not usable.
    """
    _ = study.hash  # a captured table is refused before any work
    study = _unfinished(study)
    market = study.load(as_of=as_of, opened=True)  # what is decided next stands on all that is known
    bars = market.bars
    result = walk_forward(study, bars, feature_bars=market.feature_bars, newest_only=True)
    if result.weights is not None and not _all_decided(result):  # what is held was decided in an earlier block
        result = walk_forward(study, bars, feature_bars=market.feature_bars)
    fold = result.folds[-1]
    fitted = study.validation.refits(bars.clock, fold.fold)[-1]
    return NextForecast(
        study=study.name,
        decided=bars.clock[-1],
        session=next_session(bars.calendar, bars.clock[-1], step=bar_length(bars.clock)) if bars.calendar else None,
        fill=result.problem.fill.value,
        table=_table(bars, result),
        weights_from=_decided(result),
        trades=result.weights is not None,
        fits=result.forecast is not None,
        parameters=fold.chosen,
        trained_until=bars.clock[fitted.start],
        sealed=market.sealed if market.sealed is not None and market.sealed <= bars.clock[-1] else None,
    )


def _unfinished(study: Study) -> Study:
    """Keep the block that the latest bar falls into, full or not; raise unless a model is there for each bar."""
    validation = study.validation
    if isinstance(validation, CombinatorialPurged) or validation.step not in (None, validation.test):
        hint = "Write validation=WalkForward(train=..., test=...), without a step."
        raise StudyError("the validation of a study that forecasts the next session",
                         must="be a walk-forward whose test blocks follow one another", got=str(validation),
                         hint=hint)  # fmt: skip
    unfinished: Study = replace(study, validation=validation.unfinished)
    return unfinished


def _decided(result: WalkForwardResult) -> pd.Timestamp | None:
    """Return the newest row on which the study decided."""
    if result.weights is None:
        return None
    rows = np.flatnonzero(~np.isnan(result.weights.values).all(axis=1))
    return result.weights.clock[rows[-1]] if len(rows) else None


def _all_decided(result: WalkForwardResult) -> bool:
    """Say whether each of the configurations whose weights are averaged has decided something."""
    decided = [part.weights for part in result.records[0].sleeves if part.weights is not None]
    return all(bool((~np.isnan(weights)).any()) for weights in decided)


def _table(bars: Bars, result: WalkForwardResult) -> pd.DataFrame:
    nothing = np.full(len(bars.symbols), np.nan)
    forecast, weights, moment = result.forecast, result.weights, _decided(result)
    probability = None if forecast is None else forecast.probability
    return pd.DataFrame(
        {
            "symbol": list(bars.symbols),
            "close": bars.raw_array("close")[-1] if bars.has("close") else nothing,
            "forecast": nothing if forecast is None else forecast.mean[-1],
            "probability": nothing if probability is None else probability[-1],
            "weight": nothing if moment is None or weights is None else weights.frame.loc[moment].to_numpy(),
        }
    )
