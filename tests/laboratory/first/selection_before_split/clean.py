"""Three of twelve momentum features are kept for their correlation with the label, within each fold's training
rows."""

from sklearn.feature_selection import SelectKBest, f_regression

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

SPANS = (2, 3, 5, 8, 10, 15, 21, 31, 42, 63, 84, 126)

study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(span) for span in SPANS],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
    transforms=[SelectKBest(f_regression, k=3)],
)
