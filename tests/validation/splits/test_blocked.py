"""Plain blocked K-fold: what it lets leak, in rows and in scores."""

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsRegressor

from quantml import Study
from quantml.errors import ParameterError, SplitError, StudyError
from quantml.loaders import Synthetic
from quantml.signals import MovingAverageCross
from quantml.validation.splits import BlockedKFold, CombinatorialPurged


@pytest.mark.parametrize("horizon", [1, 2, 5])
def test_as_many_rows_overlap_as_it_says(horizon):
    ends = np.arange(60) + horizon
    train, test = list(BlockedKFold(3).split(np.zeros((60, 1))))[1]
    tested = set(range(test[0] + 1, ends[test[-1]] + 1))
    overlapping = [row for row in train if tested & set(range(row + 1, ends[row] + 1))]
    assert len(overlapping) == 2 * (horizon - 1)


def test_a_model_of_noise_that_remembers_its_neighbours_looks_good_until_it_is_purged():
    horizon, rows = 20, 600
    noise = np.random.default_rng(0).normal(size=rows + horizon)
    y = np.array([noise[t + 1 : t + 1 + horizon].sum() for t in range(rows)])  # nothing can be known of it at t
    X, ends = np.arange(float(rows))[:, None], np.arange(rows) + horizon

    def error(cv):
        return -float(cross_val_score(KNeighborsRegressor(2), X, y, cv=cv, groups=ends,
                                      scoring="neg_mean_squared_error").mean() / y.var())  # fmt: skip

    assert error(BlockedKFold(100)) < 0.6
    assert error(CombinatorialPurged(100, 1, embargo=0)) > 1.0


def test_it_splits_rows_as_equally_as_it_can():
    assert [(a.tolist(), b.tolist()) for a, b in BlockedKFold(2).split(np.zeros((3, 1)))] == [
        ([2], [0, 1]),
        ([0, 1], [2]),
    ]
    assert BlockedKFold(2).get_n_splits() == 2


def test_a_study_refuses_it():
    with pytest.raises(StudyError, match=r"must be validated by a splitter that purges; got 'BlockedKFold'"):
        Study(data=Synthetic(), signal=MovingAverageCross(fast=2, slow=5), validation=BlockedKFold(5))


def test_refuses():
    with pytest.raises(ParameterError, match=r"BlockedKFold.blocks must be a whole number of at least 2"):
        BlockedKFold(1)
    with pytest.raises(SplitError, match=r"5 blocks must have a row each; got '3 rows'"):
        list(BlockedKFold(5).split(np.zeros((3, 1))))
