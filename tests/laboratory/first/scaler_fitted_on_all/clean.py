"""Features are standardised and squashed in a scikit-learn pipeline, which each fold fits on its training rows."""

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Returns
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

MODEL = make_pipeline(StandardScaler(), FunctionTransformer(np.tanh), Ridge(alpha=10.0))

study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Returns(5), Returns(63)],
    target=ForwardReturn(horizon=5),
    forecaster=MODEL,
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
