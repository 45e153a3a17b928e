"""A scikit-learn pipeline: centre and scale by constants, then ridge.

Knows too early: the constants are those of a scaler fitted at import to the features of all years, test years among
them. Cutting the bars of a run cannot show it; importing on changed prices can.
"""

from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from quantml import Study, WalkForward
from quantml.features import RSI, Momentum, RealisedVolatility, build_features
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

panel = Sample("large_caps", symbols=("AAPL", "JPM", "KO", "PFE", "XOM"), start="2014-01-01", end="2018-12-31")
features = [Momentum(21), RealisedVolatility(21), RSI(14)]


def constants():
    """Mean and deviation of each feature."""
    values = build_features(features, panel.load()).values
    fitted = StandardScaler().fit(values[63:].reshape(-1, len(features)))
    return {"centre": tuple(fitted.mean_.tolist()), "scale": tuple(fitted.scale_.tolist())}


def standardise(x, centre, scale):
    """Centre and scale."""
    return (x - centre) / scale


study = Study(
    data=panel,
    features=features,
    target=ForwardReturn(5),
    forecaster=make_pipeline(FunctionTransformer(standardise, kw_args=constants()), Ridge(alpha=300.0)),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
