"""Weekly reversal, its weekly bars from a helper module: each day reads the weekly bar of the week before."""

import weeks

from quantml import Study, WalkForward
from quantml.forecasters import Linear
from quantml.loaders import Sample
from quantml.signals import Proportional
from quantml.targets import ForwardReturn


def weekly_change(bars):
    """Last weekly return."""
    return weeks.finished_week(bars.close)


study = Study(
    data=Sample("large_caps", symbols=("GE", "JNJ", "MRK", "PEP", "WMT"), start="2014-01-01", end="2018-12-31"),
    features=[weekly_change],
    target=ForwardReturn(2),
    forecaster=Linear(),
    signal=Proportional(50.0),
    validation=WalkForward(train="2y", test="1y"),
)
