"""An oscillator computed on every tenth bar and kept until the next."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def sparse(bars):
    """A slow oscillator, computed on every tenth bar."""
    high, low = bars.close.rolling(21).max(), bars.close.rolling(21).min()
    value = (bars.close - low) / (high - low)
    thin = value.iloc[::10].reindex(bars.clock)
    return thin.ffill()


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[sparse, Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
