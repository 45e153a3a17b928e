"""An outside table of market regimes, made of the sample's own closes at import by a centred window, and said to be
known on the day: ten bars early. Changing the bars that the study is run on shows nothing, changing the sample
does."""

import pandas as pd

from quantml import Costs, Exogenous, Fill, Study, WalkForward
from quantml.features import Momentum, Outside
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def regime():
    close = Sample("indices", start="2013-01-01").load().close.mean(axis=1)
    calm = close.pct_change().rolling(21, center=True).std()
    return Exogenous(pd.DataFrame({"calm": calm.dropna()}), name="regime", lag="0d")


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Outside("regime", "calm"), Momentum(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
    exogenous=[regime()],
)
