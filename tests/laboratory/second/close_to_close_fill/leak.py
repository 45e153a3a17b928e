"""Daily reversal of the panel, filled at the close.

Knows too early: a decision that needs the close of t is filled at that very close (`Fill.PERIOD`), one bar before it
could be. Decisions themselves do not look ahead, so that changed later prices change none of them.
"""

from sklearn.linear_model import HuberRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import BollingerPosition, Returns
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

study = Study(
    data=Sample("large_caps", symbols=("AAPL", "BAC", "KO", "PG", "WMT"), start="2014-01-01", end="2018-12-31"),
    features=[Returns(1), BollingerPosition(10)],
    target=ForwardReturn(1, start="close"),
    forecaster=make_pipeline(RobustScaler(), HuberRegressor()),
    signal=RankLongShort(0.4),
    costs=Costs(spread_bps=2),
    fill=Fill.PERIOD,
    validation=WalkForward(train="2y", test="1y"),
)
