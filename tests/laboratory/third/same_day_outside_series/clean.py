"""Trade Tokyo on New York's return of the date before, which is known long before Tokyo closes."""

import numpy as np
import pandas as pd

from quantml import Bars, Costs, Exogenous, Fill, Study, WalkForward
from quantml.features import Outside, Returns
from quantml.forecasters import Ridge
from quantml.loaders import GeometricBrownianMotion
from quantml.signals import Sign
from quantml.targets import ForwardReturn

new_york = GeometricBrownianMotion(sessions=1500, seed=21).load().returns()["S1"]
own = GeometricBrownianMotion(sessions=1500, seed=22).load().returns()["S1"]
tokyo = 100.0 * (1.0 + (0.6 * own + 0.4 * new_york.shift(1) + 0.4 * new_york.shift(2)).fillna(0.0)).cumprod()

moment = new_york.index.tz_localize("America/New_York") + pd.Timedelta(hours=16)
known = moment.tz_convert("Asia/Tokyo").tz_localize(None).normalize()
published = pd.DataFrame({"return": np.nan_to_num(new_york.to_numpy()), "known": known})

study = Study(
    data=Bars.from_close(tokyo.to_frame("NIKKEI"), periods_per_year=252),
    features=[Outside("new_york", "return"), Returns(1)],
    target=ForwardReturn(horizon=1),
    forecaster=Ridge(alpha=1.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    exogenous=[Exogenous(published.set_index(new_york.index), name="new_york", available_at="known")],
    validation=WalkForward(train="2y", test="1y"),
)
