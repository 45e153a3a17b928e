"""A small study that trades, with volume, shorts and a threshold, and its run."""

import numpy as np
import pandas as pd
import pytest

import quantml as qm
from quantml import Bars, Costs, Fill, Study, WalkForward
from quantml.forecasters import HistoricalMean
from quantml.signals import Sign
from quantml.targets import ForwardReturn

SYMBOLS = ["A", "B", "C"]


def make_bars(rows=420, seed=3):
    """Prices with drifts of different sign, and volume that a million is a part of."""
    generator = np.random.default_rng(seed)
    clock = pd.bdate_range("2020-01-01", periods=rows, name="time")
    returns = generator.normal([0.0012, -0.0012, 0.0006], 0.01, (rows, 3))
    close = 100.0 * np.cumprod(1.0 + returns, axis=0)
    volume = generator.uniform(1e5, 2e5, (rows, 3))
    parts = [
        pd.DataFrame({"symbol": symbol, "close": close[:, n], "volume": volume[:, n]}, index=clock)
        for n, symbol in enumerate(SYMBOLS)
    ]
    return Bars.from_frame(
        pd.concat([part.assign(open=part["close"], high=part["close"], low=part["close"]) for part in parts])
    )


def make_study(**changed):
    declared = {
        "data": make_bars(),
        "target": ForwardReturn(horizon=5),
        "forecaster": HistoricalMean(),
        "signal": [Sign(threshold=0.001)],
        "costs": Costs(commission_bps=2.0, spread_bps=6.0, borrow_bps=40.0),
        "fill": Fill.NEXT_CLOSE,
        "validation": WalkForward(train=100, test=20),
        "cash": 0.02,
    }
    return Study(**{**declared, **changed})


@pytest.fixture(scope="session")
def study():
    return make_study()


@pytest.fixture(scope="session")
def finished(study):
    return qm.run(study)


@pytest.fixture(scope="session")
def found(finished):
    return qm.sensitivity(finished)
