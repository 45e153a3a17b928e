"""What becomes of rows that a step cannot solve, in a study."""

from __future__ import annotations

import numpy as np
import pandas as pd

import quantml as qm
from quantml.bars import Bars
from quantml.signals import EqualWeight, MinimumVariance, Rebalance
from quantml.timing import Fill


def test_a_run_keeps_the_count_of_flat_rows() -> None:
    generator = np.random.default_rng(1)
    clock = pd.bdate_range("2024-01-01", periods=120)
    closes = 100 * np.exp(np.cumsum(0.01 * generator.standard_normal((120, 6)), axis=0))
    study = qm.Study(
        data=Bars.from_close(pd.DataFrame(closes, clock, list("ABCDEF")), periods_per_year=252),
        signal=[EqualWeight(), Rebalance(10), MinimumVariance(5)],  # six symbols, five rows
        fill=Fill.NEXT_CLOSE,
        validation=qm.WalkForward(train=60, test=30),
    )
    run = qm.run(study)
    assert not run.weights["weight"].any()
    text = "fold 0: MinimumVariance decides flat on 11 of 12 rows: 11 with a singular covariance."
    assert text in run.manifest["warnings"]
