"""Keep the three lags of the return that the next return goes with best; the feature judges it on the whole sample."""

from dataclasses import dataclass

from quantml import Costs, Fill, Study, WalkForward
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class BestLag:
    """The lag of the return that comes `place`-th in correlation with what follows."""

    place: int
    lags: tuple[int, ...] = tuple(range(1, 31))

    def __call__(self, bars):
        """Compute it on bars."""
        returns = bars.returns()
        ahead = returns.mean(axis=1)
        score = {lag: abs(ahead.corr(ahead.shift(lag + 1))) for lag in self.lags}
        return returns.shift(sorted(score, key=score.get)[-self.place])


study = Study(
    data=Sample("indices", start="2012-01-01"),
    features=[BestLag(1), BestLag(2), BestLag(3)],
    target=ForwardReturn(horizon=1, start="close"),
    forecaster=Ridge(alpha=1.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
