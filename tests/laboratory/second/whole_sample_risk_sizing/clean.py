"""Inverse-volatility position sizes in the last step of a signal, of the last half year's returns."""

from quantml import Study, WalkForward
from quantml.features import RSI, Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Cap, RankLongShort
from quantml.targets import ForwardReturn


def equal_risk(weights, context):
    """Divide by risk, keep the gross exposure."""
    scaled = weights.frame / context.bars.returns().rolling(126).std()
    gross = weights.frame.abs().sum(axis=1) / scaled.abs().sum(axis=1)
    return scaled.mul(gross.fillna(0.0), axis=0).fillna(0.0)


study = Study(
    data=Sample("large_caps", symbols=("AMD", "BAC", "KO", "PG", "RRC", "UNH"), start="2014-01-01", end="2018-12-31"),
    features=[Momentum(63), RSI(14)],
    target=ForwardReturn(5),
    forecaster=Ridge(alpha=1.0),
    signal=[RankLongShort(0.34), equal_risk, Cap(gross=1.0)],
    validation=WalkForward(train="2y", test="1y"),
)
