"""Rules of choice: expected places and means are worked out by hand, or by going over all pairs."""

import itertools
import logging
import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml import Choice, Integer, OneStandardError, Plateau, Real, Tuning
from quantml.errors import ParameterError, StudyError
from quantml.forecasters import LightGBM, Ridge
from quantml.validation.candidates import Candidate, Candidates
from quantml.validation.choosing import Best, _grid_means, standard_error

NAN = math.nan


def grid(spaces, scores):
    """Candidates in the order of a grid: the last space varies fastest; a score of None is a refused combination."""
    points = itertools.product(*(space.grid() for space in spaces.values()))
    paired = zip(points, scores, strict=True)
    return [Candidate(dict(zip(spaces, point, strict=True)), score) for point, score in paired if score is not None]


def chosen(rule, spaces, scores):
    listed = grid(spaces, scores)
    return listed[rule.choose(listed, spaces, is_grid=True)].values


def test_the_best_is_the_first_of_equals_and_never_undefined():
    assert chosen(Best(), {"a": Integer(1, 4)}, [NAN, 2.0, 2.0, -math.inf]) == {"a": 2}


@pytest.mark.parametrize(
    ("spaces", "scores", "place"),
    [
        # means by hand: (1+9)/2, (1+9+0)/3, (9+0+5)/3, (0+5+6)/3, (5+6)/2
        ({"a": Integer(1, 5)}, [1.0, 9.0, 0.0, 5.0, 6.0], {"a": 5}),
        # in the order of the numbers, 10: (8+0)/2, 20: (8+0+9)/3, 30: (0+9)/2
        ({"a": Choice(30, 10, 20)}, [9.0, 8.0, 0.0], {"a": 20}),
        # beside what has no score there is no mean, be it 8 or 9; 4: (9+1+1)/3, 5: (1+1)/2
        ({"a": Integer(1, 5)}, [8.0, NAN, 9.0, 1.0, 1.0], {"a": 4}),
        # 3 is refused, so that 2 and 4 are neighbours: 1: (1+2)/2, 2: (1+2+9)/3, 4: (2+9+5)/3, 5: (9+5)/2
        ({"a": Integer(1, 5)}, [1.0, 2.0, None, 9.0, 5.0], {"a": 5}),
        # x and y are no neighbours: x1 (0+9)/2, x2 (0+9)/2, y1 (5+5)/2, y2 (5+5)/2
        ({"m": Choice("x", "y"), "a": Integer(1, 2)}, [0.0, 9.0, 5.0, 5.0], {"m": "y", "a": 1}),
        # by corners too: the middle of the lower row has (0+0+0+1+7+1)/6, the middle of all 9/9, its own corner (7+1+0+0)/4
        ({"a": Integer(1, 3), "b": Integer(1, 3)}, [0, 0, 0, 0, 0, 0, 1, 1, 7.0], {"a": 3, "b": 3}),
    ],
)  # fmt: skip
def test_a_plateau_is_the_best_neighbourhood(spaces, scores, place):
    assert chosen(Plateau(), spaces, scores) == place


def test_values_without_an_order_have_places_of_their_own():
    models = Choice(Ridge(1.0), LightGBM(), Ridge(2.0))
    spaces = {"forecaster": models, "signal.threshold": Choice(0.0, 0.1)}
    assert not models.is_ordered
    assert chosen(Plateau(), spaces, [0.0, 9.0, 5.0, 5.0, 0.0, 1.0])["forecaster"] == LightGBM()
    assert not any(Choice(*values).is_ordered for values in [(True, False), ("a", 1.0), (2.0, 2.0), (1.0, None)])


SCORES = st.one_of(st.none(), st.just(NAN), st.floats(-10, 10))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_neighbourhoods_are_those_of_all_pairs(data):
    kinds = [Integer(3, 5), Choice(4, 1, 2), Choice("x", "y")]
    spaces = dict(zip("abc", data.draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=3)), strict=False))
    count = math.prod(space.size for space in spaces.values())
    listed = grid(spaces, data.draw(st.lists(SCORES, min_size=count, max_size=count)))
    if not listed:
        return
    levels = {path: sorted({one.values[path] for one in listed}) for path in spaces}

    def near(one, other):
        steps = (abs(levels[p].index(one.values[p]) - levels[p].index(other.values[p])) for p in spaces)
        return all(step <= (spaces[path].is_ordered) for path, step in zip(spaces, steps, strict=True))

    around = [[other.score for other in listed if near(one, other)] for one in listed]
    expected = [np.mean(scores) if len(scores) > 1 else NAN for scores in around]
    np.testing.assert_allclose(_grid_means(listed, spaces), expected, rtol=1e-9, atol=1e-9)


def test_of_drawn_candidates_the_nearest_make_the_neighbourhood():
    spaces = {"alpha": Real(0.01, 100.0, log=True), "kind": Choice("x", "y")}
    points = [(0.01, "x", 1.0), (0.1, "x", 6.0), (10.0, "x", 5.0), (100.0, "x", 3.0), (30.0, "y", 9.0)]
    listed = [Candidate({"alpha": alpha, "kind": kind}, score) for alpha, kind, score in points]
    # by logarithms 0.1 is nearest to 0.01 and 100 to 10: (1+6)/2 twice, (5+3)/2 twice; y has no neighbour
    assert Plateau(nearest=1).choose(listed, spaces, is_grid=False) == 2
    # by the numbers 10 would be nearest to 0.1: (6+5)/2
    plain = {"alpha": Real(0.01, 100.0), "kind": Choice("x", "y")}
    assert Plateau(nearest=1).choose([*listed[1:], listed[0]], plain, is_grid=False) == 1
    # two nearest: 0.01 (1+6+5)/3, 0.1 the same, 10 (5+3+6)/3, 100 the same: the first of equals
    assert Plateau(nearest=2).choose(listed, spaces, is_grid=False) == 2


def test_where_no_neighbourhood_has_a_mean_the_best_is_taken_and_said(caplog):
    with caplog.at_level(logging.WARNING, "quantml"):
        assert chosen(Plateau(), {"a": Integer(1, 3)}, [1.0, NAN, 3.0]) == {"a": 3}
    assert caplog.messages == ["No candidate has neighbours that all have a score: the best was taken, not a plateau."]


def test_the_simplest_within_one_standard_error():
    spaces = {"a": Integer(1, 4)}
    parts = (1.0, 2.0, 3.0)  # standard deviation 1: one standard error is 1 / sqrt(3) = 0.577
    listed = [Candidate({"a": a}, score, parts) for a, score in [(1, 1.42), (2, 1.43), (3, 2.0), (4, 1.9)]]
    assert OneStandardError().choose(listed, spaces, is_grid=True) == 1
    drawn = [listed[3], listed[2], listed[1], listed[0]]
    assert OneStandardError().choose(drawn, spaces, is_grid=False) == 2


def test_simplest_is_what_is_declared_first_the_first_space_before_the_next():
    models = Choice(LightGBM(), Ridge(1.0))  # as declared, whatever they are
    spaces = {"model": models, "threshold": Choice(0.2, 0.1)}
    parts = (0.0, 10.0)
    listed = [Candidate({"model": model, "threshold": t}, 5.0, parts) for model, t in
              [(models.values[1], 0.2), (models.values[0], 0.1), (models.values[1], 0.1)]]  # fmt: skip
    assert OneStandardError().choose(listed, spaces, is_grid=False) == 1


def test_without_a_standard_error_the_best_is_taken_and_said(caplog):
    listed = [Candidate({"a": 1}, 1.9, (1.0, 2.0)), Candidate({"a": 2}, 2.0, (NAN, 2.0))]
    with caplog.at_level(logging.WARNING, "quantml"):
        assert OneStandardError().choose(listed, {"a": Integer(1, 2)}, is_grid=True) == 1
    assert caplog.messages == [
        "The best candidate has no standard error, for want of blocks with a score: it was taken."
    ]


def test_undefined_blocks_are_left_out_of_the_standard_error():
    assert standard_error((1.0, NAN, 4.0)) == pytest.approx(1.5)  # |4 - 1| / sqrt(2) / sqrt(2)
    assert math.isnan(standard_error((NAN, 1.0)))
    assert math.isnan(standard_error(()))


def test_a_search_that_tries_all_is_a_grid():
    spaces = {"a": Integer(1, 5)}
    assert Tuning(sampler="tpe", trials=5).is_grid(spaces)
    assert not Tuning(sampler="tpe", trials=4).is_grid(spaces)
    assert Tuning().is_grid(spaces)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Plateau(nearest=0), "Plateau.nearest must be a whole number of at least 1; got 0"),
        (lambda: Tuning(choose=Plateau), "Tuning.choose must be Best(), Plateau() or OneStandardError()"),
        (lambda: Tuning(choose="plateau"), "Tuning.choose must be Best(), Plateau() or OneStandardError()"),
        (lambda: Tuning(choose=OneStandardError(), folds=1), "Tuning.folds must be at least 2 for a standard error"),
        (lambda: Tuning(pruning=True), "Tuning.sampler must be 'tpe' with pruning; got 'grid'"),
        (lambda: Tuning(pruning=1), "Tuning.pruning must be True or False; got 1"),
        (
            lambda: Tuning(sampler="tpe", trials=9, folds=1, pruning=True),
            "Tuning.folds must be at least 2 with pruning",
        ),
        (
            lambda: Tuning(sampler="tpe", trials=9, pruning=True, choose=Plateau()),
            "Tuning.choose must not be a Plateau with pruning",
        ),
        (
            lambda: Plateau().check_spaces({"m": Choice("x", "y")}),
            "Plateau must have an ordered space to look for neighbours in",
        ),
    ],
)
def test_refuses(make, text):
    with pytest.raises(ParameterError) as caught:
        make()
    assert text in str(caught.value)


@dataclass(frozen=True)
class Own:
    """A rule of choice that returns what it was given."""

    answer: object

    def choose(self, candidates, spaces, *, is_grid):
        return self.answer if isinstance(self.answer, (int, float, np.integer)) else candidates[len(candidates)]


def test_a_users_own_rule_takes_a_place():
    listed, spaces = [Candidate({"a": 1}, 1.0), Candidate({"a": 2}, 2.0)], {"a": Integer(1, 2)}
    assert [Tuning(choose=Own(answer)).choice(listed, spaces) for answer in (0, np.int64(1))] == [0, 1]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (-1, "Own.choose must return the place of a candidate, from 0 to 1; got -1"),
        (True, "Own.choose must return the place of a candidate, from 0 to 1; got True"),
        (2, "Own.choose must return the place of a candidate, from 0 to 1; got 2"),
        (1.0, "Own.choose must return the place of a candidate, from 0 to 1; got 1.0"),
        ("fails", "Own.choose failed: IndexError"),
    ],
)
def test_a_users_own_rule_that_takes_none_is_refused(answer, text):
    listed = Candidates.of([Candidate({"a": 1}, 1.0), Candidate({"a": 2}, 2.0)])
    with pytest.raises(StudyError) as caught:
        Tuning(choose=Own(answer)).choice(listed, {"a": Integer(1, 2)})
    assert text in str(caught.value)
