"""Warnings of a run are the same wherever its folds were computed."""

import logging
import threading

import numpy as np
import pandas as pd
import pytest

import quantml as qm
from quantml.bars import Bars
from quantml.features import Returns
from quantml.forecasters import Naive
from quantml.signals import EqualWeight, MinimumVariance, Proportional, Rebalance
from quantml.targets import ForwardReturn
from quantml.timing import Fill
from quantml.validation.messages import collected_warnings, tell_again
from quantml.validation.workers import Loky

LOGGER = logging.getLogger("quantml")
SINGULAR = "MinimumVariance decides flat on 11 of 12 rows: 11 with a singular covariance."


def study(**changes):
    generator = np.random.default_rng(1)
    clock = pd.bdate_range("2024-01-01", periods=120)
    closes = 100 * np.exp(np.cumsum(0.01 * generator.standard_normal((120, 6)), axis=0))
    parts = {
        "data": Bars.from_close(pd.DataFrame(closes, clock, list("ABCDEF")), periods_per_year=252),
        "signal": [EqualWeight(), Rebalance(10), MinimumVariance(5)],  # six symbols, five rows
        "fill": Fill.NEXT_CLOSE,
        "validation": qm.WalkForward(train=60, test=20),
    }
    return qm.Study(**{**parts, **changes})


@pytest.mark.parametrize("windows", [(5,), (5, 30)])
def test_every_fold_that_uses_cached_weights_is_told_what_was_warned_of(windows, tmp_path):
    tuned = {"tuning": qm.Tuning(folds=1)} if len(windows) > 1 else {}
    window = qm.Choice(*windows) if tuned else windows[0]
    declared = study(signal=[EqualWeight(), Rebalance(10), MinimumVariance(window)], **tuned)
    runs = [qm.run(declared, executor=executor, out=tmp_path / name) for name, executor in
            (("alone", None), ("loky", Loky(2)))]  # fmt: skip
    alone, loky = ((run.folder / "run.json").read_bytes() for run in runs)
    assert alone == loky
    where = ["fold 0", "fold 1", "fold 2", *([] if tuned else ["all folds"])]  # tuned, 30 is chosen throughout
    assert runs[0].manifest["warnings"] == [f"{name}: {SINGULAR}" for name in where]


def test_what_the_stitched_forecast_warns_of_is_kept():
    signal = [Proportional(10.0), Rebalance(10), MinimumVariance(5)]
    forecast = {"features": [Returns(1)], "target": ForwardReturn(1), "forecaster": Naive()}
    run = qm.run(study(**forecast, signal=signal))
    folds = [text for text in run.manifest["warnings"] if text.startswith("fold ")]
    whole = [text for text in run.manifest["warnings"] if text.startswith("all folds: ")]
    assert len(folds) == 3
    # decisions every ten rows from row 60 on, each with six symbols over five rows
    assert whole == ["all folds: MinimumVariance decides flat on 6 of 6 rows: 6 with a singular covariance."]


def test_a_warning_is_heard_once_but_collected_again(caplog):
    with caplog.at_level(logging.WARNING, "quantml"):
        with collected_warnings() as outer:
            with collected_warnings() as inner:
                LOGGER.warning("a %s", "step")
                LOGGER.warning("a %s", "step")
            tell_again(["earlier"])
        tell_again(["nobody collects"])
    assert list(inner) == ["a step"]
    assert list(outer) == ["a step", "earlier"]
    assert caplog.messages == ["a step", "a step"]


def test_other_threads_are_not_collected():
    with collected_warnings() as messages:
        for tell in (LOGGER.warning, lambda text: tell_again([text])):
            thread = threading.Thread(target=tell, args=("elsewhere",))
            thread.start()
            thread.join()
    assert not messages
