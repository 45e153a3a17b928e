"""Quarterly earnings growth per index, taken to be known a day after the quarter's end; reports came five to eight
weeks later. The declared lag is wrong, which no prices can show: the file's column `known_on` is the truth."""

from pathlib import Path

import pandas as pd

from quantml import Costs, Exogenous, Fill, Study, WalkForward
from quantml.features import Momentum, Outside
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

REPORTS = pd.read_csv(Path(__file__).with_name("reports.csv"), parse_dates=["quarter", "known_on"], index_col="quarter")
EARNINGS = Exogenous(REPORTS[["symbol", "earnings"]], name="reports", symbol="symbol", lag="1d")

study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(63), Outside("reports", "earnings")],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
    exogenous=[EARNINGS],
)
