"""Trade two stock indices on a weekly LightGBM forecast, tuned inside every fold under costs."""

from quantml import Choice, Costs, Fill, Study, Tuning, WalkForward
from quantml.features import RSI, Momentum, RealisedVolatility
from quantml.forecasters import LightGBM
from quantml.loaders import Sample
from quantml.signals import Sign, VolatilityTarget
from quantml.targets import ForwardReturn

study = Study(
    data=Sample("indices"),
    features=[Momentum(21), Momentum(63), RealisedVolatility(21), RSI(14)],
    target=ForwardReturn(horizon=5),
    forecaster=LightGBM(num_leaves=Choice(7, 15), min_child_samples=50),
    signal=[Sign(threshold=Choice(0.0, 0.002)), VolatilityTarget(annual=0.10)],
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,  # this index's published opens repeat the previous close in early years
    validation=WalkForward(train="3y", test="3m"),
    tuning=Tuning("sharpe_ratio"),
)
