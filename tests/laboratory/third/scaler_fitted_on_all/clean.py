"""Features go through a quantile transformer that each fold fits on its training rows."""

from sklearn.preprocessing import QuantileTransformer

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum, RealisedVolatility
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

DATA = Sample("indices", symbols=["^GSPC"], start="2012-01-01")
FEATURES = [Momentum(21), Momentum(63), RealisedVolatility(21)]


study = Study(
    data=DATA,
    features=FEATURES,
    transforms=[QuantileTransformer(n_quantiles=50)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
