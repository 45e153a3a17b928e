"""A helper module beside the study fits one line through the logarithm of all closes; the distance to it knows
where prices end."""

import numpy as np
from shapes import bend

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample


def stretched(_, context):
    return -np.sign(bend(context.bars.close)) / 2


study = Study(
    data=Sample("indices", start="2013-01-01"),
    signal=stretched,
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
