"""A small panel whose symbols start late, end early and pause, with actions, outside tables and a universe."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.exogenous import Exogenous
from quantml.universe import Membership

ROWS = 120


@pytest.fixture(scope="session")
def panel() -> Bars:
    generator = np.random.default_rng(3)
    days = pd.bdate_range("2020-01-01", periods=ROWS)
    has_bar = pd.DataFrame(True, index=days, columns=["whole", "late", "early", "pause"])
    has_bar.loc[days[:70], "late"] = False
    has_bar.loc[days[80:], "early"] = False
    has_bar.loc[days[[3, 20, 21, *range(60, 75), 110]], "pause"] = False
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
    fields["split"][30, 0], fields["split"][90, 0], fields["dividend"][100, 3] = 2.0, 3.0, 0.5
    frames = {name: pd.DataFrame(values, days, has_bar.columns).where(has_bar) for name, values in fields.items()}
    macro = pd.DataFrame({"growth": generator.normal(size=8)}, index=pd.date_range("2019-12-01", periods=8, freq="MS"))
    spells = pd.DataFrame(
        [
            ("whole", days[0], pd.NaT),
            ("early", days[0], days[50]),
            ("late", days[70], days[110]),
            ("pause", days[0], days[100]),
        ],
        columns=["symbol", "start", "end"],
    )
    bars = Bars.from_frame(pd.concat(frames, axis=1), periods_per_year=252)
    return bars.with_tables(Exogenous(macro, name="macro", lag="10d")).with_membership(Membership(spells))
