"""What studies say of windows that do not fit their data."""

import numpy as np
import pandas as pd
import pytest

import quantml as qm
from quantml import Bars, Study, WalkForward
from quantml.errors import InputError, SplitError
from quantml.forecasters import HistoricalMean
from quantml.targets import ForwardReturn
from tests.validation.splits.panels import days

PRICES = 100.0 + np.random.default_rng(1).standard_normal(200).cumsum()
BARS = Bars.from_close(pd.DataFrame({"A": PRICES}, days(200)), periods_per_year=252)


def study(train, test, horizon):
    target = ForwardReturn(horizon, start="close")
    return Study(data=BARS, target=target, forecaster=HistoricalMean(), validation=WalkForward(train, test))


@pytest.mark.parametrize("use", [qm.run, qm.audit])
def test_a_test_window_longer_than_the_data_is_refused(use):
    with pytest.raises(SplitError, match=r"got 'test=3000, of which there are 150 rows.*Shorten WalkForward.test"):
        use(study(50, 3000, 1))


def test_a_purge_that_empties_a_training_set_says_by_how_much_to_lengthen_it():
    # a mean and a variance need two labels: rows t and t + 1 with t + 1 + 20 <= s, so 21 rows before s; 10 are there
    with pytest.raises(InputError, match=r"HistoricalMean must have rows to train on.*Lengthen train by 11 rows"):
        qm.run(study(10, 50, 20))
    assert qm.run(study(21, 50, 20)).folds["rows"].min() == 2
