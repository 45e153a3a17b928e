"""A rolling mean over a long table, symbol by symbol."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def long_table(bars):
    table = bars.close.stack().rename("close").rename_axis(["day", "symbol"]).reset_index()
    return table.sort_values(["symbol", "day"], ignore_index=True)


def ratio(bars):
    table = long_table(bars)
    price = table["close"] / table.groupby("symbol")["close"].transform("first")
    table["value"] = (
        price / price.groupby(table["symbol"]).transform(lambda part: part.rolling(63, min_periods=1).mean()) - 1
    )
    return table.pivot(index="day", columns="symbol", values="value").loc[bars.clock, list(bars.symbols)]


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[ratio, Momentum(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
