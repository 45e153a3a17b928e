"""A loader whose bars close at the open, so that decisions are made in the morning, but hold the high and low of
the day that follows: known six and a half hours early. It hides within one row of the bars loaded: changing later
rows shows nothing; changing the high of a row's day alone, which comes after its open, does."""

from dataclasses import dataclass

import pandas as pd

from quantml import Bars, Costs, Fill, Study, WalkForward
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class AtTheOpen:
    sample: Sample

    def load(self):
        bars = self.sample.load()
        opens, highs, lows = bars.open, bars.high, bars.low
        fields = {"open": opens, "high": highs, "low": lows, "close": opens}
        return Bars.from_frame(pd.concat(fields, axis=1).iloc[1:], calendar="XNYS", periods_per_year=252)


def range_up(bars):
    return bars.high / bars.close - 1


def range_down(bars):
    return bars.low / bars.close - 1


study = Study(
    data=AtTheOpen(Sample("indices", start="2013-01-01")),
    features=[range_up, range_down],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
