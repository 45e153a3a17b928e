"""Search spaces: found, substituted, validated at declaration, and typed as their values."""

import math
import subprocess
import sys
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.errors import ParameterError
from quantml.space import Choice, Declaration, Integer, Real, combinations, find_spaces, grid, sample, substitute


@dataclass(frozen=True)
class Window(Declaration):
    length: int = 5
    skip: int = 0

    def validate(self):
        if self.length <= self.skip:
            raise ParameterError("Window.length", must="be above skip", got=self.length)


def test_every_alternative_is_validated_at_declaration():
    with pytest.raises(ParameterError, match="Window.length must be above skip; got 2"):
        Window(length=Choice(5, 2), skip=3)


def test_an_alternative_that_goes_with_some_other_is_kept():
    declared = Window(length=Choice(5, 2), skip=Choice(0, 3))
    assert [tuple(point.values()) for point in grid(find_spaces(declared))] == [(5, 0), (5, 3), (2, 0), (2, 3)]


@dataclass(frozen=True)
class Named(Declaration):
    limits: dict[str, int]

    def validate(self):
        if self.limits["low"] >= self.limits["high"]:
            raise ParameterError("Named.limits", must="rise", got=self.limits)


def test_alternatives_in_a_mapping_are_validated_too():
    with pytest.raises(ParameterError, match="Named.limits must rise; got {'low': 9, 'high': 5}"):
        Named({"low": Choice(1, 9), "high": 5})
    declared = Named({"low": Choice(1, 9), "high": Integer(5, 20)})
    assert substitute(declared, {"limits.low": 9, "limits.high": 12}) == Named({"low": 9, "high": 12})


def test_the_ends_of_a_range_are_validated():
    with pytest.raises(ParameterError, match="got 0"):
        Window(length=Integer(0, 9))


def test_spaces_are_found_by_path_and_substituted_without_touching_the_rest():
    kept = Window(7)
    declared = (Window(Choice(1, 2)), kept)
    assert list(find_spaces(declared)) == ["0.length"]
    resolved = substitute(declared, {"0.length": 2})
    assert resolved == (Window(2), Window(7))
    assert resolved[1] is kept


def test_grid_varies_the_last_space_fastest():
    spaces = find_spaces({"a": Choice("x", "y"), "b": Integer(1, 2)})
    assert [tuple(point.values()) for point in grid(spaces)] == [("x", 1), ("x", 2), ("y", 1), ("y", 2)]


def test_a_grid_over_real_numbers_is_refused():
    with pytest.raises(ParameterError, match="only Choice and Integer"):
        grid(find_spaces((Real(0.0, 1.0),)))


def test_real_draws_stay_inside_and_log_draws_have_the_geometric_middle():
    draws = [Real(1.0, 100.0, log=True).draw(np.random.default_rng(i)) for i in range(400)]
    assert 1.0 <= min(draws)
    assert max(draws) <= 100.0
    assert 0.4 < np.mean(np.array(draws) < 10.0) < 0.6


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Choice(), "Choice must list at least one value; got ()"),
        (lambda: Integer(3, 2), "Integer must have low <= high; got (3, 2)"),
        (lambda: Integer(1.5, 3), "Integer.low must be a whole number; got 1.5"),
        (lambda: Integer("a", 3), "Integer.low must be a whole number; got 'a'"),
        (lambda: Integer(1, True), "Integer.high must be a whole number; got True"),
        (lambda: Integer(0, 2**63), "Integer must have ends of 64 bits"),
        (lambda: Real(1.0, 1.0), "Real must have low < high"),
        (lambda: Real(0.0, 1.0, log=True), "low > 0 with log; got (0.0, 1.0)"),
        (lambda: Real(0, float("inf")), "Real.high must be a finite number; got inf"),
        (lambda: Real(float("nan"), 1), "Real.low must be a finite number; got nan"),
        (lambda: Real("a", 1), "Real.low must be a finite number; got 'a'"),
        (lambda: Real(0, 1, log="yes"), "Real.log must be True or False; got 'yes'"),
        (lambda: Real(-1.7e308, 1.7e308), "Real must have a finite width"),
    ],
)
def test_strange_spaces_are_refused(make, text):
    with pytest.raises(ParameterError) as caught:
        make()
    assert text in str(caught.value)


def test_numbers_of_numpy_become_those_of_python():
    space = Integer(np.int64(1), np.int32(3))
    assert (space, [type(value) for value in space.grid()]) == (Integer(1, 3), [int, int, int])
    assert (Real(np.float32(0.5), np.int64(1)), type(Real(0, np.int64(1)).high)) == (Real(0.5, 1.0), float)


def test_a_choice_in_a_choice_is_one_choice():
    assert Choice(5, Choice(6, 7)) == Choice(5, 6, 7)
    assert Choice(Choice(1, Choice(2, Integer(3, 4))), 5) == Choice(1, 2, 3, 4, 5)


def test_spaces_inside_an_alternative_are_written_out_in_declared_order():
    declared = Choice(Window(length=Choice(1, 10)), "other", [Window(Integer(2, 3), skip=Choice(0, 1))])
    assert declared == Choice(
        Window(1), Window(10), "other", [Window(2, 0)], [Window(2, 1)], [Window(3, 0)], [Window(3, 1)]
    )


def test_an_alternative_leaves_out_what_its_parts_refuse():
    assert Choice(Window(length=Choice(5, 2), skip=Choice(0, 3)), "other") == Choice(
        Window(5, 0), Window(5, 3), Window(2, 0), "other"
    )


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Choice([Window(Real(1.0, 9.0))], 1), "0.length of list, an alternative of Choice, must not be a Real"),
        (lambda: Choice(1, Real(1.0, 9.0)), "an alternative of Choice must not be a Real; got RealSpace(low=1.0"),
        (lambda: Choice(Integer(1, 10**9)), "must stand for at most 100,000 values; got 1000000000"),
    ],
)
def test_what_cannot_be_written_out_is_refused(make, text):
    with pytest.raises(ParameterError) as caught:
        make()
    assert text in str(caught.value)


SPACES = st.lists(
    st.one_of(
        st.lists(st.integers(), min_size=1, max_size=4).map(lambda values: Choice(*values)),
        st.integers(-3, 3).map(lambda low: Integer(low, low + 2)),
    ),
    min_size=1,
    max_size=3,
).map(lambda spaces: {str(i): space for i, space in enumerate(spaces)})


@settings(max_examples=50)
@given(SPACES, st.integers(1, 40), st.integers(0, 5))
def test_a_sample_holds_different_combinations_of_the_grid(spaces, count, seed):
    # alternatives are told apart by their place in the list, so each value is paired with it
    placed = {path: Choice(*enumerate(space.grid())) for path, space in spaces.items()}
    drawn = sample(placed, count, np.random.default_rng(seed))
    everything = grid(placed)
    assert len(drawn) == min(count, len(everything)) == min(count, combinations(spaces))
    assert all(point in everything for point in drawn)
    assert len({tuple(point.values()) for point in drawn}) == len(drawn)
    assert drawn == (everything if count >= len(everything) else sample(placed, count, np.random.default_rng(seed)))


def test_a_huge_space_is_drawn_from_without_being_listed():
    spaces = {name: Integer(1, 10**18) for name in "abcd"}  # the product passes 64 bits
    drawn = sample(spaces, 5, np.random.default_rng(1))
    assert combinations(spaces) == 10**72
    assert len({point["a"] for point in drawn}) == 5
    assert all(1 <= value <= 10**18 for point in drawn for value in point.values())


def test_a_sample_over_real_numbers_has_its_number_of_draws():
    drawn = sample({"a": Choice(1, 2), "b": Real(0.0, 1.0)}, 6, np.random.default_rng(0))
    assert len({point["b"] for point in drawn}) == 6


def test_a_space_has_its_values_type_for_mypy(tmp_path):
    source = tmp_path / "typed.py"
    source.write_text(
        "from quantml import Choice, Integer, Real\n"
        "a: int = Choice(7, 15)\nb: float = Real(0.0, 1.0)\nc: int = Integer(1, 3)\n"
        "d: str = Choice(7, 15)\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(source)]
    errors = [
        line for line in subprocess.run(command, capture_output=True, text=True).stdout.splitlines() if "error:" in line
    ]
    assert [line.split(":")[1] for line in errors] == ["5"]


def test_combinations_beyond_any_float_are_counted_and_drawn_from():
    spaces = {f"a{i}": Integer(0, 2**62) for i in range(20)}
    assert combinations(spaces) == (2**62 + 1) ** 20
    assert len(sample(spaces, 3, np.random.default_rng(0))) == 3
    with_real = {**spaces, "b": Real(0.0, 1.0)}
    assert combinations(with_real) == math.inf
    assert len(sample(with_real, 3, np.random.default_rng(0))) == 3


def test_a_space_in_a_named_tuple_is_replaced():
    pair = namedtuple("pair", "x y")(Choice(1, 2), 3)
    assert substitute(pair, {"0": 2}) == (2, 3)
    assert type(substitute(pair, {"0": 2})) is type(pair)
