"""Momentum inside a universe of the four strongest of eight stocks, drawn up anew on each year's first session."""

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
    """List the strongest stocks of the last year, year by year."""
    history = Sample("large_caps", symbols=NAMES, start="2012-01-01", end="2018-12-31").load().close
    yearly = history.groupby(history.index.year).last().pct_change()
    years = range(2014, 2019)
    return pd.concat([
        pd.DataFrame({
            "symbol": yearly.loc[year - 1].nlargest(count).index,
            "start": pd.Timestamp(year, 1, 1),
            "end": pd.Timestamp(year + 1, 1, 1),
        })
        for year in years
    ])  # fmt: skip


study = Study(
    data=panel,
    universe=Membership(members(4)),
    features=[Momentum(63)],
    target=ForwardReturn(5),
    forecaster=Ridge(),
    signal=RankLongShort(0.5),
    validation=WalkForward(train="2y", test="1y"),
)
