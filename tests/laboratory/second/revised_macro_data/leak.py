"""Logistic timing by industrial growth, from a file of releases and revisions beside this one.

Knows too early: each month keeps its last revision (two months later) but the date of its first release.
"""

from pathlib import Path

import pandas as pd

from quantml import Exogenous, Study, WalkForward
from quantml.features import Momentum, Outside
from quantml.forecasters import Logistic
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import Direction

raw = pd.read_csv(Path(__file__).with_name("growth.csv"), parse_dates=["month", "released"])
months = raw.groupby("month").agg(growth=("growth", "last"), released=("released", "first"))

study = Study(
    data=Sample("large_caps", symbols=("BAC", "CVX", "GE", "JPM"), start="2014-01-01", end="2018-12-31"),
    exogenous=[Exogenous(months, name="industry", available_at="released")],
    features=[Outside("industry", "growth"), Momentum(21)],
    target=Direction(10),
    forecaster=Logistic(),
    signal=Sign(),
    validation=WalkForward(train="2y", test="1y"),
)
