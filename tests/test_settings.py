"""Settings read from text, and what they refuse; what they do to a study is in test_study."""

from dataclasses import dataclass

import pytest

from quantml.errors import ParameterError
from quantml.settings import covers, read_settings
from quantml.timing import Fill


@dataclass(frozen=True)
class Part:
    size: float = 1.0


@dataclass(frozen=True)
class Whole:
    parts: tuple[Part, ...] = (Part(), Part())
    fill: Fill | None = None
    name: str = "whole"


def read(*settings):
    return read_settings(Whole(), settings, given_by_file=("name",))


def test_values_are_literals_members_or_text():
    assert read("parts.1.size=2", "fill=next_close") == {"parts.1.size": 2, "fill": Fill.NEXT_CLOSE}
    assert read("parts.0.size = abc", "parts.1.size=1=2") == {"parts.0.size": "abc", "parts.1.size": "1=2"}


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("parts", "--set must read path=value; got 'parts'"),
        ("name=x", "--set name must change what the study declares; got 'name=x'"),
        ("prts=1", "--set prts must name a declared value; got \"no 'prts' in the study\". Did you mean 'parts'?"),
        ("parts.0.sise=1", "got \"no 'sise' in Part at parts.0\". Did you mean 'size'?"),
    ],
)
def test_refuses(setting, text):
    with pytest.raises(ParameterError) as caught:
        read(setting)
    assert text in str(caught.value)


def test_a_path_is_covered_by_itself_and_those_above():
    assert covers({"signal": 1}, "signal.0.threshold")
    assert not covers({"signal.0.threshold": 1}, "signal.0")
