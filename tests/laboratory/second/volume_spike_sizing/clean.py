"""A trend forecast whose positions are cut on unusual volume with a wide range, both of the deciding session."""

from dataclasses import dataclass

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import RSI, Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class CalmDown:
    """Halve the position on a spike of volume that comes with a wide range."""

    times: float = 1.4
    look: int = 0

    def __call__(self, weights, context):
        """Scale the weights."""
        bars = context.bars
        spike = bars.volume > self.times * bars.volume.rolling(21).mean()
        width = (bars.high / bars.low - 1).shift(self.look)
        wide = width > 1.2 * (bars.high / bars.low - 1).rolling(21).mean()
        return weights.frame.mask(spike & wide, weights.frame * 0.5)


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(21), RSI(14)],
    target=ForwardReturn(5),
    forecaster=Ridge(alpha=10.0),
    signal=[Sign(), CalmDown()],
    costs=Costs(commission_bps=1),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
