"""An outside series is taken to be known on the day in its index; each value is published on the next session. The
lag that is declared is wrong, which no prices can show: the file's column `known_on` is the truth."""

from pathlib import Path

import pandas as pd

from quantml import Costs, Exogenous, Fill, Study, WalkForward
from quantml.features import Momentum, Outside
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

TABLE = pd.read_csv(Path(__file__).with_name("fix.csv"), parse_dates=["day", "known_on"], index_col="day")

study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(21), Outside("fix", "imbalance")],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
    exogenous=[Exogenous(TABLE[["imbalance"]], name="fix", lag="0d")],
)
