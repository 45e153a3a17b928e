"""Fade moves by a z-score whose mean and deviation are those of the bars so far."""

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample


def revert(_, context):
    price = np.log(context.bars.close)
    trend = price - price.rolling(63).mean()
    z = (trend - trend.expanding(63).mean()) / trend.expanding(63).std()
    return -z.clip(-2, 2).fillna(0.0) / (2 * len(z.columns))


study = Study(
    data=Sample("indices", start="2013-01-01"),
    signal=revert,
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
