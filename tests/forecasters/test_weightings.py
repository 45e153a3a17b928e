"""What members of a combination count: worked by hand, against the definition, and in worlds of known truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.errors import ParameterError
from quantml.forecasters import EqualWeights, Errors, InverseErrors, LeastSquares
from quantml.forecasters.mixtures import mix
from quantml.timing import UNKNOWN

# errors of two members on five rows; those of row 1 come to be known after those of row 2, those of 3 and 4 never
VALUES = np.array([[1.0, 2.0], [3.0, 0.0], [1.0, 1.0], [9.0, 0.1], [9.0, 0.1]])[:, None, :]
KNOWN = np.array([2, 4, 3, 5, UNKNOWN])[:, None]


@pytest.mark.parametrize(
    ("weighting", "first"),
    [
        # squares of member 1 sum to 1, 1 + 1, 2 + 9; those of member 2 to 4, 4 + 1, 5 + 0: 4/5, 5/7, 5/16
        (InverseErrors(), [1 / 2, 1 / 2, 4 / 5, 5 / 7, 5 / 16]),
        # 1, 0.5 + 1, 0.75 + 9 beside 4, 2 + 1, 1.5 + 0: 4/5, 3/4.5, 1.5/11.25
        (InverseErrors(discount=0.5), [1 / 2, 1 / 2, 4 / 5, 2 / 3, 2 / 15]),
        # 1, 1 and 9 beside 4, 1 and 0: who has erred nothing takes all
        (InverseErrors(window=1), [1 / 2, 1 / 2, 4 / 5, 1 / 2, 0.0]),
        # 1, 1 + 1, 1 + 9 beside 4, 4 + 1, 1 + 0
        (InverseErrors(window=2), [1 / 2, 1 / 2, 4 / 5, 5 / 7, 1 / 11]),
        # discounted, one age in the window: 1, 0.5 + 1, 0.5 + 9 beside 4, 2 + 1, 0.5 + 0
        (InverseErrors(window=2, discount=0.5), [1 / 2, 1 / 2, 4 / 5, 2 / 3, 1 / 20]),
        # products at row 3: [[2, 3], [3, 5]], its inverse [[5, -3], [-3, 2]] has sums 2 and -1, of 1; at row 4:
        # [[11, 3], [3, 5]], whose inverse is as [[5, -3], [-3, 11]], with sums 2 and 8
        (LeastSquares(least=2), [1 / 2, 1 / 2, 1 / 2, 2.0, 1 / 5]),
        (EqualWeights(), [1 / 2]),
    ],
    ids=repr,
)
def test_five_rows_by_hand(weighting, first):
    weights = weighting.weigh(Errors(VALUES, KNOWN))
    assert weights.shape == (len(first), 1, 2)
    assert weights[:, 0, 0] == pytest.approx(first, rel=1e-12)
    assert weights.sum(axis=-1) == pytest.approx(np.ones((len(first), 1)))


def test_symbols_are_pooled_or_each_by_itself():
    values = np.array([[[1.0, 2.0], [2.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]])
    known = np.array([[1, 1], [UNKNOWN, UNKNOWN]])
    pooled = InverseErrors().weigh(Errors(values, known))
    apart = InverseErrors(pooled=False).weigh(Errors(values, known))
    assert pooled[1].tolist() == [[0.5, 0.5]]
    assert apart[1] == pytest.approx(np.array([[0.8, 0.2], [0.2, 0.8]]))


def by_definition(errors, discount, window, pooled):
    """Bates and Granger's weights, one decision after the other."""
    rows, symbols, members = errors.values.shape
    weights = np.full((rows, symbols, members), 1.0 / members)
    for t in range(rows):
        for n in range(symbols):
            sums, seen = np.zeros(members), False
            for s in range(rows):
                for m in range(symbols) if pooled else [n]:
                    known = errors.known[s, m]
                    if (
                        known <= t
                        and (window is None or known > t - window)
                        and not np.isnan(errors.values[s, m]).any()
                    ):
                        sums += discount ** (t - known) * errors.values[s, m] ** 2
                        seen = True
            if seen:
                weights[t, n] = (1.0 / sums) / (1.0 / sums).sum()
    return weights


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1.0, 0.7]), st.sampled_from([None, 1, 4]), st.booleans())
def test_running_sums_are_the_definition(seed, discount, window, pooled):
    draws = np.random.default_rng(seed)
    values = draws.normal(size=(12, 3, 2))
    values[draws.random((12, 3)) < 0.3] = np.nan
    known = np.arange(12)[:, None] + draws.integers(1, 8, (12, 3))
    errors = Errors(values, known)
    found = InverseErrors(discount=discount, window=window, pooled=pooled).weigh(errors)
    expected = by_definition(errors, discount, window, pooled)
    assert np.broadcast_to(found, expected.shape) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 11))
def test_what_comes_to_be_known_later_changes_nothing(seed, moment):
    draws = np.random.default_rng(seed)
    values, known = draws.normal(size=(12, 2, 3)), np.arange(12)[:, None] + draws.integers(1, 6, (12, 2))
    later = known > moment
    other = np.where(later[..., None], draws.normal(size=values.shape) * 9.0, values)
    moved = np.where(later, np.maximum(known + draws.integers(-3, 4, known.shape), moment + 1), known)
    for weighting in (InverseErrors(0.9), InverseErrors(window=3, pooled=False), LeastSquares(least=2)):
        was, now = (weighting.weigh(Errors(*one))[: moment + 1] for one in ((values, known), (other, moved)))
        assert np.array_equal(was, now)


def test_uncorrelated_errors_of_variances_1_and_4_are_weighted_4_to_1():
    draws = np.random.default_rng(5)
    errors = Errors(draws.normal(size=(20_000, 1, 2)) * [1.0, 2.0], np.arange(20_000)[:, None] + 1)
    for weighting, spread in ((InverseErrors(), 0.01), (InverseErrors(discount=0.999), 0.03), (LeastSquares(), 0.01)):
        # the variance of a weight is about (0.8 x 0.2)^2 x 4 / n, with n rows: 0.0023 for all, 0.007 of 1,000 or so
        assert weighting.weigh(errors)[-1, 0] == pytest.approx([0.8, 0.2], abs=spread)


def test_correlated_errors_are_hedged():
    draws = np.random.default_rng(6)
    shared = np.linalg.cholesky([[1.0, 1.2], [1.2, 4.0]])
    errors = Errors((draws.normal(size=(20_000, 2)) @ shared.T)[:, None, :], np.arange(20_000)[:, None] + 1)
    weights = LeastSquares().weigh(errors)[-1, 0]
    assert weights == pytest.approx([2.8 / 2.6, -0.2 / 2.6], abs=0.02)  # (4 - 1.2) / (1 + 4 - 2 x 1.2)
    one, two = errors.values[:-1, 0].T  # the last is not yet known; the slope of one regression is the weight
    assert weights[0] == pytest.approx((two * (two - one)).sum() / ((two - one) ** 2).sum(), rel=1e-9)


def test_members_alike_count_alike():
    errors = Errors(np.repeat(np.random.default_rng(1).normal(size=(50, 1, 1)), 2, axis=2), np.arange(50)[:, None] + 1)
    assert LeastSquares().weigh(errors)[-1, 0].tolist() == [0.5, 0.5]
    assert InverseErrors().weigh(errors)[-1, 0].tolist() == [0.5, 0.5]


def test_a_mixture_by_hand():
    means, variances = np.array([[1.0, 3.0], [1.0, np.nan], [np.nan, np.nan]]), np.array([[0.5, 1.5]] * 3)
    mean, variance = mix(means, variances, [0.25, 0.75])
    assert mean.tolist() == pytest.approx([2.5, 1.0, np.nan], nan_ok=True)
    # 0.25 x 0.5 + 0.75 x 1.5 = 1.25, and 0.25 x 1.5^2 + 0.75 x 0.5^2 = 0.75
    assert variance.tolist() == pytest.approx([2.0, 0.5, np.nan], nan_ok=True)
    assert mix(means[:2], None, [0.0, 1.0])[0].tolist() == [3.0, 1.0]  # who is there counts, whatever the weight


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: InverseErrors(discount=0.0), "InverseErrors.discount must be a number above 0 and at most 1; got 0.0"),
        (lambda: InverseErrors(window=0), "InverseErrors.window must be a whole number of at least 1; got 0"),
        (lambda: InverseErrors(pooled=1), "InverseErrors.pooled must be True or False; got 1"),
        (lambda: LeastSquares(least=1), "LeastSquares.least must be a whole number of at least 2; got 1"),
    ],
)
def test_refuses(make, text):
    with pytest.raises(ParameterError) as caught:
        make()
    assert text in str(caught.value)
