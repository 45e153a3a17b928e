"""A score whose four coefficients were fitted to labels that ended before the first test block."""

from dataclasses import dataclass

import pandas as pd
from sklearn.linear_model import LinearRegression

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

SPANS = (1, 5, 10, 21)
DATA = Sample("indices", start="2013-01-01", end="2014-12-31")


@dataclass(frozen=True)
class Score:
    weights: tuple[float, ...]

    def __call__(self, bars):
        return sum(w * bars.close.pct_change(span) for w, span in zip(self.weights, SPANS, strict=True))


def learned():
    close = DATA.load().close
    table = pd.concat(
        [close.pct_change(span).stack() for span in SPANS] + [(close.shift(-5) / close - 1).stack()], axis=1
    )
    table = table.dropna().to_numpy()
    return tuple(LinearRegression().fit(table[:, :-1], table[:, -1]).coef_.tolist())


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Score(learned()), Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(threshold=0.0005),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
