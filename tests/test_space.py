"""Search spaces: found, substituted, validated at declaration, and typed as their values."""

import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from quantml.errors import ParameterError
from quantml.space import Choice, Declaration, Integer, Real, find_spaces, grid, substitute


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
    "make", [lambda: Choice(), lambda: Integer(3, 2), lambda: Real(1.0, 1.0), lambda: Real(0.0, 1.0, log=True)]
)
def test_empty_spaces_are_refused(make):
    with pytest.raises(ParameterError):
        make()


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
