"""Exponentially weighted returns computed on a long table, symbol by symbol."""

from quantml import Bars, Study, WalkForward
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


def trend(bars: Bars):
    """Smoothed return, half-life of a quarter."""
    long = bars.returns().fillna(0.0).unstack().rename("r").to_frame()
    long["trend"] = long.groupby(level=0)["r"].transform(lambda r: r.ewm(halflife=63).mean())
    return long["trend"].unstack(level=0).reindex(columns=list(bars.symbols)).set_axis(bars.clock)


study = Study(
    data=Sample("large_caps", symbols=("AMD", "BBY", "GE", "RRC", "UNH"), start="2014-01-01", end="2018-12-31"),
    features=[trend],
    target=ForwardReturn(5),
    forecaster=Ridge(alpha=0.1),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
