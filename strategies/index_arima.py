"""Trade two stock indices on the next day's ARIMA forecast, its state carried bar by bar through each year."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.forecasters import ARIMA
from quantml.loaders import Sample
from quantml.signals import Sign, VolatilityTarget
from quantml.targets import ForwardReturn

study = Study(
    data=Sample("indices"),
    target=ForwardReturn(horizon=1, start="close"),  # what ARIMA forecasts: the next close from this one
    forecaster=ARIMA(order=(1, 0, 1)),
    signal=[Sign(), VolatilityTarget(annual=0.10)],
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,  # this index's published opens repeat the previous close in early years
    validation=WalkForward(train="3y", test="1y"),
)
