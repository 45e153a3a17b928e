"""Sample weights against the book's own example, and worked by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import ParameterError, TargetError
from quantml.forecasters.base import Question, Train
from quantml.space import Choice
from quantml.timing import Fill
from quantml.weighting import (
    AbsoluteReturnWeights,
    Combined,
    ExponentialDecay,
    TimeDecay,
    UniquenessWeights,
    uniqueness,
    weigh_rows,
)

RULES = [
    UniquenessWeights(),
    AbsoluteReturnWeights(),
    TimeDecay(0.25),
    TimeDecay(0.0),
    ExponentialDecay(3),
    Combined([UniquenessWeights(), ExponentialDecay(0.001)]),
]


def rows(labels: list[tuple[int, int, int]], closes: Any = None) -> Train:
    """Training rows from (decision, label_end, symbol) on ten bars of A and B."""
    time, label_end, symbol = np.array(labels, dtype=np.int64).reshape(-1, 3).T
    clock = pd.bdate_range("2024-01-01", periods=10)
    prices = pd.DataFrame(1.0 if closes is None else closes, clock, ["A", "B"])
    question = Question("return", 1, "close", Fill.NEXT_CLOSE, 252.0)
    seed, bars = np.random.SeedSequence(1), Bars.from_close(prices, periods_per_year=252)
    return Train(np.zeros((len(time), 1)), np.arange(len(time)) * 1.0, label_end, time, symbol, None, ("x",), bars,
                 question, seed, 0)  # fmt: skip


BOOK = [(0, 3, 0), (2, 4, 0), (4, 6, 0)]
"""Lopez de Prado (2018), section 4.5.3: labels that rest on the returns 1 to 3, 3 to 4, and 5 to 6."""


def test_uniqueness_of_the_book_s_example() -> None:
    # section 4.5.3 gives the first label, beside the second, (1 + 1 + 1/2) / 3; the second shares one return of two
    np.testing.assert_allclose(uniqueness(rows(BOOK)), [5 / 6, 3 / 4, 1.0], rtol=1e-12)
    np.testing.assert_allclose(UniquenessWeights().weigh(rows(BOOK)), np.array([10, 9, 12]) * 3 / 31, rtol=1e-12)


def test_labels_of_another_symbol_are_not_shared() -> None:
    both = rows(sorted([*BOOK, *((t, end, 1) for t, end, _ in BOOK)]))
    expected = np.repeat([5 / 6, 3 / 4, 1.0], 2)
    np.testing.assert_allclose(uniqueness(both), expected, rtol=1e-12)


def test_a_label_that_is_known_at_its_decision_shares_nothing() -> None:
    np.testing.assert_allclose(uniqueness(rows([(2, 4, 0), (3, 3, 0), (3, 4, 0)])), [3 / 4, 1.0, 1 / 2], rtol=1e-12)


def test_weights_by_absolute_return() -> None:
    # log returns in percent 2 -1 4 3 5 -5 0 0 0. The book's first label: 2 - 1 + 4 / 2; the second: 4 / 2 + 3; the third
    # 5 - 5: nothing. Sizes 3, 5 and 0 have the mean 8 / 3.
    logs = np.array([0, 2, -1, 4, 3, 5, -5, 0, 0, 0]) / 100
    closes = np.exp(np.column_stack([np.cumsum(logs), np.zeros(10)]))
    weight = AbsoluteReturnWeights().weigh(rows(BOOK, closes))
    np.testing.assert_allclose(weight[:2], [9 / 8, 15 / 8], rtol=1e-8)
    assert 0.0 < weight[2] < 2e-9


def test_returns_across_a_pause_belong_to_the_bar_that_ends_it() -> None:
    closes = np.ones((10, 2))
    closes[3:, 0] = np.e
    closes[2, 0] = np.nan
    weight = AbsoluteReturnWeights().weigh(rows([(0, 2, 0), (1, 3, 0), (3, 4, 0)], closes))
    # the second label shares row 2, on which nothing is earned, and has row 3 to itself
    np.testing.assert_allclose(weight, [0, 3, 0], atol=1e-8)


def test_linear_decay_in_cumulated_uniqueness() -> None:
    # uniqueness 5/6, 3/4, 1: cumulated 10, 19, 31 of 31 twelfths; to a half: (31 + 10) / 62, (31 + 19) / 62 and 1
    expected = np.array([41, 50, 62]) * 3 / 153
    np.testing.assert_allclose(TimeDecay(0.5).weigh(rows(BOOK)), expected, rtol=1e-12)
    np.testing.assert_allclose(TimeDecay(0.0).weigh(rows(BOOK)), np.array([10, 19, 31]) / 20, rtol=1e-12)
    np.testing.assert_allclose(TimeDecay(1.0).weigh(rows(BOOK)), [1, 1, 1], rtol=1e-12)


def test_rows_of_one_date_decay_alike() -> None:
    # two labels a date, each unique: 2, then 4, of 4; weights 3/4 and 1
    weight = TimeDecay(0.5).weigh(rows([(0, 1, 0), (0, 1, 1), (1, 2, 0), (1, 2, 1)]))
    np.testing.assert_allclose(weight, np.array([3, 3, 4, 4]) / 3.5, rtol=1e-12)


def test_exponential_decay_halves_in_its_half_life() -> None:
    weight = ExponentialDecay(2).weigh(rows([(0, 1, 0), (2, 3, 0), (2, 3, 1), (4, 5, 0)]))
    np.testing.assert_allclose(weight, np.array([1, 2, 2, 4]) * 4 / 9, rtol=1e-12)


def test_combined_weights_multiply() -> None:
    combined = Combined([UniquenessWeights(), ExponentialDecay(2)]).weigh(rows(BOOK))
    expected = np.array([10 / 12 / 4, 9 / 12 / 2, 1])
    np.testing.assert_allclose(combined, expected / expected.mean(), rtol=1e-12)


@pytest.mark.parametrize("rule", RULES, ids=str)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_weights_are_positive_with_a_mean_of_one(rule: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = [(t, n) for t in range(9) for n in range(2) if rng.random() < 0.7] or [(0, 0)]
    train = rows([(t, int(rng.integers(t, 10)), n) for t, n in cells], np.exp(rng.normal(size=(10, 2))))
    weight = weigh_rows(rule, train)
    assert weight.shape == train.y.shape
    assert (weight > 0.0).all()
    assert weight.mean() == pytest.approx(1.0, rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_uniqueness_is_the_mean_over_rows_of_one_over_the_labels_there(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = [(t, int(rng.integers(t + 1, 10)), n) for t in range(9) for n in range(2) if rng.random() < 0.7]
    found = uniqueness(rows(labels))
    for mine, (t, end, n) in zip(found, labels, strict=True):
        shared = [sum(b < row <= e and n == m for b, e, m in labels) for row in range(t + 1, end + 1)]
        assert mine == pytest.approx(np.mean([1 / count for count in shared]), rel=1e-10)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_no_rows_have_no_weights(rule: Any) -> None:
    assert weigh_rows(rule, rows([])).shape == (0,)


@dataclass(frozen=True)
class Own:
    values: Any

    def weigh(self, train: Train) -> NDArray[np.float64]:
        return np.asarray(self.values)


def test_a_user_s_own_weights_are_scaled() -> None:
    np.testing.assert_array_equal(weigh_rows(Own([1, 2, 3]), rows(BOOK)), [0.5, 1.0, 1.5])


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1.0, 2.0], "Own.weigh must return one weight per row, shape (3,); got (2,)."),
        ([1.0, 0.0, 2.0], "Own.weigh must return finite weights above 0; got 0.0 (A, 2024-01-03)."),
        ([1.0, 1.0, np.nan], "Own.weigh must return finite weights above 0; got nan (A, 2024-01-05)."),
        ([np.inf, 1.0, 1.0], "Own.weigh must return finite weights above 0; got inf (A, 2024-01-01)."),
    ],
)
def test_what_is_no_weight_is_refused(values: Any, text: str) -> None:
    for rule in (Own(values), Combined((TimeDecay(), Own(values)))):
        with pytest.raises(TargetError) as caught:
            weigh_rows(rule, rows(BOOK))
        assert str(caught.value) == text


def test_prices_that_never_move_attribute_nothing() -> None:
    with pytest.raises(TargetError, match="AbsoluteReturnWeights must see prices that move; got 'constant closes'"):
        AbsoluteReturnWeights().weigh(rows(BOOK))


@pytest.mark.parametrize(
    ("declare", "text"),
    [
        (lambda: TimeDecay(1.5), "TimeDecay.oldest must be a number from 0 to 1; got 1.5."),
        (lambda: TimeDecay(-0.5), "TimeDecay.oldest must be a number from 0 to 1; got -0.5."),
        (lambda: TimeDecay(Choice(0.5, 2.0)), "TimeDecay.oldest must be a number from 0 to 1; got 2.0."),
        (lambda: ExponentialDecay(0), "ExponentialDecay.half_life must be a finite number of rows above 0; got 0."),
        (lambda: Combined([]), "Combined.rules must hold at least one sample weight; got ()."),
        (lambda: Combined([TimeDecay]), "Combined.rules must hold objects with a method 'weigh'; got 'TimeDecay'."),
        (lambda: Combined([len]), "Combined.rules must hold objects with a method 'weigh'; got 'builtin_function_or"),
    ],
)  # fmt: skip
def test_parameters_out_of_range(declare: Any, text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        declare()
    assert str(caught.value).startswith(text)
