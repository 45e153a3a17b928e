"""Whole studies in threads and pools: what one process alone finds, bit for bit."""

import logging
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from quantml import Study, WalkForward, load_study
from quantml.features import Returns
from quantml.forecasters import Naive, Ridge, RowForecast
from quantml.loaders import Synthetic
from quantml.signals import Sign
from quantml.targets import ForwardReturn
from quantml.validation.walkforward import walk_forward

BARS = Synthetic(symbols=2, sessions=300, seed=1).load()


def study(**changes):
    parts = {
        "data": BARS,
        "features": [Returns(1)],
        "target": ForwardReturn(horizon=3),
        "forecaster": Ridge(alpha=1.0),
        "signal": Sign(),
        "validation": WalkForward(train=100, test=50),
    }
    return Study(**{**parts, **changes})


def test_walk_forwards_in_several_threads_find_what_one_alone_finds():
    studies = [study(forecaster=Ridge(alpha=alpha)) for alpha in (0.1, 1.0, 10.0)]
    alone = [walk_forward(declared, BARS).forecast.mean for declared in studies]
    with ThreadPoolExecutor(2) as inner, ThreadPoolExecutor(3) as outer:
        for executor in (None, inner):
            work = lambda declared, executor=executor: walk_forward(declared, BARS, executor=executor)  # noqa: E731
            together = [result.forecast.mean for result in outer.map(work, studies)]
            assert [mean.tobytes() for mean in together] == [mean.tobytes() for mean in alone]


@dataclass(frozen=True)
class Warns:
    """A forecaster that logs when its training window begins, and waits for the other fold to do so."""

    def fit(self, train):
        logging.getLogger("quantml.test").warning("from %d", train.start)
        time.sleep(0.1)
        return self

    def predict(self, test):
        return RowForecast(mean=np.zeros(len(test.time)))


def test_folds_in_threads_keep_their_warnings_apart():
    with ThreadPoolExecutor(2) as executor:
        result = walk_forward(study(forecaster=Warns(), baseline=Naive()), BARS, executor=executor)
    assert [fold.warnings for fold in result.folds] == [("from 0",), ("from 50",), ("from 100",), ("from 150",)]


OWN = """
from dataclasses import dataclass
from quantml import *
from quantml.features import Returns
from quantml.forecasters import RowForecast
from quantml.loaders import Synthetic
from quantml.targets import ForwardReturn

@dataclass(frozen=True)
class Newest:
    scale: float = 1.0
    def fit(self, train):
        return Newest(float(train.y.std()))
    def predict(self, test):
        return RowForecast(mean=test.latest / self.scale)

class Scaled:
    def fit(self, train):
        self.level = level = train.y.std()
        self.rule = lambda mean: mean / level
        return self
    def __call__(self, forecast, context):
        return self.rule(forecast.frame).clip(-1.0, 1.0)

study = Study(data=Synthetic(symbols=2, sessions=300, seed=1), features=[Returns(1)], target=ForwardReturn(3),
              forecaster=Newest(), signal=Scaled(), validation=WalkForward(train=100, test=50, refit=25))
"""


def test_a_study_of_own_classes_runs_in_a_bare_pool_as_it_does_alone(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    declared = load_study(path)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        alone, pooled = (walk_forward(declared, BARS, executor=executor) for executor in (None, pool))
    assert pooled.weights.values.tobytes() == alone.weights.values.tobytes()
    assert type(pooled.folds[0].stretches[0].steps[0]) is type(declared.steps[0])
    levels = {one.steps[0].level for fold in alone.folds for one in fold.stretches}
    assert len(levels) == 2 * len(alone.folds)  # fitted steps are each refit's own
    assert not hasattr(declared.steps[0], "level")
