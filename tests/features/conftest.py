"""A small panel whose symbols start late, end early and pause, with a split, a dividend and an outside table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.exogenous import Exogenous

ROWS = 150


@pytest.fixture(scope="session")
def bars() -> Bars:
    generator = np.random.default_rng(7)
    days = pd.bdate_range("2020-01-01", periods=ROWS)
    has_bar = pd.DataFrame(True, index=days, columns=["whole", "late", "early", "pause"])
    has_bar.loc[days[:40], "late"] = False
    has_bar.loc[days[100:], "early"] = False
    has_bar.loc[days[[3, 20, 21, *range(60, 75), 120]], "pause"] = False
    close = 50.0 * np.exp(np.cumsum(generator.normal(0.0, 0.02, has_bar.shape), axis=0))
    opens = close * np.exp(generator.normal(0.0, 0.01, close.shape))
    fields = {
        "open": opens,
        "high": np.maximum(opens, close) * (1.0 + generator.uniform(0.0, 0.02, close.shape)),
        "low": np.minimum(opens, close) * (1.0 - generator.uniform(0.0, 0.02, close.shape)),
        "close": close,
        "volume": generator.uniform(1e4, 1e6, close.shape),
        "split": np.ones_like(close),
        "dividend": np.zeros_like(close),
    }
    fields["split"][80, 0], fields["dividend"][90, 3] = 2.0, 0.5
    frames = {name: pd.DataFrame(v, days, has_bar.columns).where(has_bar) for name, v in fields.items()}
    months = pd.date_range("2019-12-01", periods=9, freq="MS")
    macro = pd.DataFrame({"growth": generator.normal(size=9)}, index=months)
    shares = pd.DataFrame({"shares": [1e6, 2e6]}, index=pd.DatetimeIndex(["2019-12-01", "2020-03-02"]))
    return Bars.from_frame(pd.concat(frames, axis=1), periods_per_year=252).with_tables(
        Exogenous(macro, name="macro", lag="10d"), Exogenous(shares, name="shares", lag="1d")
    )
