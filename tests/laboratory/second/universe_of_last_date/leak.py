"""Momentum inside a universe of the four strongest of eight stocks.

Knows too early: strength is measured on the last date of the sample, and the four are members from the first on. The
choice is made at import; importing on changed prices shows it.
"""

import pandas as pd

from quantml import Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Membership, Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

NAMES = ("AAPL", "AMD", "GE", "JPM", "KO", "MSFT", "RRC", "XOM")
panel = Sample("large_caps", symbols=NAMES, start="2014-01-01", end="2018-12-31")


def members(count):
    """List the strongest stocks."""
    close = panel.load().close
    strongest = (close.iloc[-1] / close.iloc[0]).nlargest(count).index
    return pd.DataFrame({"symbol": strongest, "start": close.index[0], "end": pd.NaT})


study = Study(
    data=panel,
    universe=Membership(members(4)),
    features=[Momentum(63)],
    target=ForwardReturn(5),
    forecaster=Ridge(),
    signal=RankLongShort(0.5),
    validation=WalkForward(train="2y", test="1y"),
)
