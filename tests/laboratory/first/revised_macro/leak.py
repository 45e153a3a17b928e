"""Growth as it was finally revised, from the day of its first release: the revision is known two months early."""

from pathlib import Path

import pandas as pd

from quantml import Costs, Exogenous, Fill, Study, WalkForward
from quantml.features import Momentum, Outside
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

VINTAGES = pd.read_csv(Path(__file__).with_name("growth.csv"), parse_dates=["quarter", "known_on"])
FINAL = VINTAGES.groupby("quarter").agg(growth=("growth", "last"), known_on=("known_on", "first"))

study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(63), Outside("gdp", "growth")],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
    exogenous=[Exogenous(FINAL, name="gdp", available_at="known_on")],
)
