"""Whose fault an error is."""

import pytest

from quantml.errors import SignalError, StudyError
from quantml.faults import is_built_in, name_of, users_code
from quantml.signals import Sign


def own():
    raise SystemExit(3)


def test_a_users_error_is_wrong_input_and_names_code_cause_and_line():
    line = own.__code__.co_firstlineno + 1
    with pytest.raises(SignalError) as caught, users_code(own, "own", SignalError):
        own()
    assert str(caught.value) == f"own failed: SystemExit: 3 (line {line} of test_faults.py)."


def test_errors_of_quantmls_own_pass_through():
    with pytest.raises(StudyError, match="must be"), users_code(own, "own", SignalError):
        raise StudyError("a study", must="be whole")
    with pytest.raises(ZeroDivisionError), users_code(Sign(), "Sign", SignalError):
        raise ZeroDivisionError


def test_what_is_built_in_is_told_by_its_module():
    assert is_built_in(Sign())
    assert is_built_in(is_built_in)
    assert not is_built_in(own)
    assert not is_built_in(object())


def test_functions_and_objects_are_named():
    assert (name_of(own), name_of(Sign())) == ("own", "Sign")
