"""The exception tree: its texts, and that every exception survives a pickle."""

import inspect
import pickle

import numpy as np
import pytest

from quantml import errors

TREE = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.QuantmlError)]


@pytest.mark.parametrize("kind", TREE)
def test_pickles_with_its_text(kind):
    original = kind("window", must="be at least 1", got=0, where="AAPL, fold 3", hint="Use 1.")
    copy = pickle.loads(pickle.dumps(original))
    assert type(copy) is kind
    assert str(copy) == "window must be at least 1; got 0 (AAPL, fold 3). Use 1."


def test_every_exception_stands_in_the_drawn_tree():
    assert [kind.__name__ for kind in TREE if kind.__name__ not in errors.__doc__] == []


def test_with_text_keeps_the_sentence():
    assert str(errors.DataError.with_text("fold 2: high must be high.")) == "fold 2: high must be high."


def test_a_subject_alone_is_a_sentence():
    assert str(errors.StudyError("x.py, line 3: invalid syntax")) == "x.py, line 3: invalid syntax."


def test_did_you_mean_lists_all_when_none_is_near():
    assert errors.did_you_mean("zzz", ["b", "a"]) == "Known: a, b."


@pytest.mark.parametrize("value", [True, np.True_, 1.0, "1", None])
def test_a_whole_number_is_an_integer_and_no_bool(value):
    with pytest.raises(errors.ParameterError, match="window must be a whole number of at least 1; got"):
        errors.check_whole("window", value, least=1)


@pytest.mark.parametrize("value", [True, np.nan, -np.inf, "1", None, 1j])
def test_a_finite_number_is_real_and_no_bool(value):
    with pytest.raises(errors.ParameterError, match="level must be a finite number; got"):
        errors.check_finite("level", value)


def test_numbers_of_numpy_pass_and_become_those_of_python():
    assert [type(errors.check_whole("n", np.int16(3))), type(errors.check_finite("x", np.float32(0.5)))] == [int, float]
