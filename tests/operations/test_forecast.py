"""The next forecast is the walk-forward's own last row."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from quantml import Choice, Fill, Study, Tuning, WalkForward
from quantml.errors import DataError, StudyError
from quantml.features import Momentum, Returns
from quantml.forecasters import ARIMA, Combined, HistoricalMean, InverseErrors, LastModels, LightGBM, Ridge
from quantml.loaders import Sample, Synthetic
from quantml.operations import forecast_next
from quantml.signals import MovingAverageCross, Rebalance, Sign, VolatilityTarget
from quantml.targets import ForwardReturn
from quantml.validation.walkforward import walk_forward

BARS = Synthetic(symbols=2, sessions=430, seed=2).load()


def study(**changes):
    parts = {
        "data": BARS,
        "features": [Returns(1), Momentum(10)],
        "target": ForwardReturn(horizon=3),
        "forecaster": Ridge(alpha=1.0),
        "signal": Sign(),
        "validation": WalkForward(train=200, test=50),
    }
    return Study(**{**parts, **changes})


@dataclass(frozen=True)
class Smoothed:
    """A step that reads every earlier forecast."""

    def __call__(self, forecast, context):
        return forecast.frame.ewm(halflife=100, ignore_na=True).mean().fillna(0.0)


@dataclass(frozen=True)
class FirstBarOnly:
    """A step that decides row by row, and on few rows."""

    until: int = 260
    by_row = True

    def __call__(self, weights, context):
        decides = np.arange(len(context.bars)) < self.until
        return weights.frame.where(pd.Series(decides, index=context.bars.clock), axis=0)


STUDIES = {
    "long ago": {"signal": [Sign(), FirstBarOnly()]},
    "ridge": {},
    "tuned": {
        "forecaster": LightGBM(n_estimators=5, num_leaves=Choice(3, 7)),
        "signal": [Sign(threshold=Choice(0.0, 0.002)), VolatilityTarget(annual=0.1, window=21)],
        "tuning": Tuning(folds=2),
    },
    "smoothed": {"signal": Smoothed()},
    "rebalanced": {"signal": [Sign(), Rebalance("1m")]},
    "rule": {"features": (), "target": None, "forecaster": None, "signal": MovingAverageCross(fast=5, slow=20)},
    "arima": {"features": (), "target": ForwardReturn(start="close"), "forecaster": ARIMA()},
    "last models": {"forecaster": LastModels(Ridge(), count=3)},
    "last refits": {
        "forecaster": LastModels(Ridge(), count=4),
        "validation": WalkForward(train=200, test=50, refit=20),
    },
    "best": {
        "forecaster": LastModels(Ridge(alpha=Choice(1.0, 1000.0))),
        "signal": Sign(threshold=Choice(0.0, 0.002)),
        "tuning": Tuning(folds=2, average=2),
    },
    "best long ago": {
        "signal": [Sign(), FirstBarOnly(until=Choice(395, 425))],  # one of them decides nothing in the last block
        "tuning": Tuning(folds=2, average=2),
    },
    "combined": {"forecaster": Combined([Ridge(), HistoricalMean()], InverseErrors())},
    "alike": {"forecaster": LastModels(Combined([Ridge(), HistoricalMean()]))},
}


@pytest.mark.parametrize("name", STUDIES)
def test_it_is_the_backtests_last_row(name):
    declared = study(**STUDIES[name])
    whole, decided = walk_forward(declared, BARS), forecast_next(declared)
    if whole.forecast is not None:
        assert decided.table["forecast"].tolist() == whole.forecast.mean[-1].tolist()
    rows = np.flatnonzero(~np.isnan(whole.weights.values).all(axis=1))
    assert decided.table["weight"].tolist() == whole.weights.values[rows[-1]].tolist()
    assert decided.weights_from == BARS.clock[rows[-1]]
    assert decided.trained_until == BARS.clock[420 if name == "last refits" else 400]


@pytest.mark.parametrize("name", ["ridge", "rule"])
def test_a_block_that_is_not_full_is_forecast_whether_a_backtest_keeps_it_or_not(name):
    blocks = [WalkForward(train=200, test=70, last_block=last) for last in ("keep", "drop")]  # 20 rows are left
    kept, dropped = (forecast_next(study(**{**STUDIES[name], "validation": validation})) for validation in blocks)
    assert kept.as_json() == dropped.as_json()
    assert dropped.trained_until == BARS.clock[410]


@pytest.mark.parametrize(
    ("name", "folds"),
    # the last block begins at 400; the models fitted last by then are of 400, 380, 360 and 350, the last three of fold 3
    [("ridge", [4]), ("last models", [2, 3, 4]), ("last refits", [3, 4]), ("alike", [2, 3, 4]), ("best", [2, 3, 4]),
     ("combined", [0, 1, 2, 3, 4])],
)  # fmt: skip
def test_only_the_folds_that_it_hangs_on_are_run(name, folds):
    result = walk_forward(study(**STUDIES[name]), BARS, newest_only=True)
    assert [part.fold.number for part in result.folds] == folds
    assert (result.forecast.fold[400:] == 4).all()
    if name != "combined":
        assert (result.forecast.fold[:400] == -1).all()  # of which not all models are there


def test_the_model_is_as_old_as_its_latest_refit():
    refitted = study(validation=WalkForward(train=200, test=200, refit=25))
    decided, whole = forecast_next(refitted), walk_forward(refitted, BARS)
    assert decided.trained_until == BARS.clock[425]
    assert decided.table["forecast"].tolist() == whole.forecast.mean[-1].tolist()


def test_as_of_an_earlier_date_it_is_what_was_decided_then():
    moment = BARS.clock[333]
    whole, decided = walk_forward(study(), BARS), forecast_next(study(), as_of=f"{moment:%Y-%m-%d}")
    assert decided.decided == moment
    assert decided.table["forecast"].to_numpy() == pytest.approx(whole.forecast.mean[333], rel=1e-10)


def test_the_next_session_is_the_exchanges():
    friday = study(data=Sample("indices", start="2014-01-01", end="2018-08-31"), fill=Fill.NEXT_CLOSE)
    assert forecast_next(friday).session == pd.Timestamp("2018-09-04")  # Monday was Labor Day


def test_before_the_first_bar_there_is_nothing_to_decide_on():
    with pytest.raises(DataError, match="as_of must be at or after the first bar"):
        forecast_next(study(), as_of="1990-01-01")


TABLE = pd.DataFrame({"a": [1.0]})


def test_a_captured_table_is_refused_here_too():
    def peeks(bars):
        return bars.close * TABLE.iloc[0, 0]

    with pytest.raises(StudyError, match="must close over constants, functions and modules only; got 'TABLE, a frame'"):
        forecast_next(study(features=[peeks]))
