"""A loader that leaves the volumes on their own days."""

from quantml import Bars, Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


class Aligned:
    """Index data from a vendor, with a volume column of its own clock."""

    def load(self):
        bars = Sample("indices", start="2013-01-01").load()
        frame = bars.to_frame()
        for symbol in bars.symbols:
            frame["volume", symbol] = frame["volume", symbol].shift(0)
        return Bars.from_frame(frame.iloc[1:], calendar="XNYS", periods_per_year=252)


def loud(bars):
    return bars.volume / bars.volume.rolling(21).mean() - 1


study = Study(
    data=Aligned(),
    features=[loud, Momentum(5)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
