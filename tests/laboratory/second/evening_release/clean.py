"""A sentiment survey with times of release, as an outside table: what comes after the close counts from the morrow."""

import numpy as np
import pandas as pd

from quantml import Exogenous, Study, WalkForward
from quantml.features import Momentum, Outside, Product
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


def survey(seed=3):
    """Weekly answers, released on Thursdays at 18:30."""
    weeks = pd.date_range("2013-12-04", "2018-12-26", freq="W-WED")
    answers = np.random.default_rng(seed).normal(size=len(weeks)).round(3)
    released = weeks + pd.Timedelta(days=1, hours=18, minutes=30)
    return pd.DataFrame({"mood": answers, "released": released}, index=weeks)


table = survey()
study = Study(
    data=Sample("large_caps", symbols=("BAC", "GE", "HD", "MSFT", "PEP"), start="2014-01-01", end="2018-12-31"),
    exogenous=[Exogenous(table, name="survey", available_at="released")],
    features=[Momentum(5), Product(Momentum(5), Outside("survey", "mood"))],
    target=ForwardReturn(1, start="close"),
    forecaster=Ridge(alpha=0.01),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
