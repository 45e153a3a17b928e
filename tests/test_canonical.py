"""Canonical forms: equal for what means the same, different after an edit anywhere below."""

import functools
import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Lasso

from quantml.canonical import canonical, digest, digest_of
from quantml.errors import StudyError
from quantml.features.base import build_features
from quantml.loaders import Synthetic
from quantml.source import Bundle, SourceFile
from quantml.timing import Fill
from quantml.wording import described

STUDY = '''
import numpy as np
SCALE = 2.0
def helper(x):
    """Say something."""
    return x * SCALE
def feature(bars, window=5):
    # a comment
    return helper(bars) + window
class Own:
    def __call__(self, bars):
        return helper(bars)
def closing(constant):
    def inner(bars):
        return bars * constant
    return inner
closed = closing(3)
captured = closing(np.ones(3))
own = Own()
class Holds:
    table = np.ones(3)
    def __call__(self, bars):
        return bars
holds = Holds()
'''


def load(text):
    bundle = Bundle((SourceFile("canonical_study", f"canonical_study_{abs(hash(text))}.py", text),))
    return bundle.load(), bundle


def key(text, name):
    module, bundle = load(text)
    return digest(getattr(module, name), bundle)


@pytest.mark.parametrize("name", ["feature", "own", "closed"])
@pytest.mark.parametrize(
    ("old", "new"), [("# a comment", "# another"), ('"""Say something."""', '"""Say it otherwise."""')]
)
def test_comments_and_docstrings_change_nothing(name, old, new):
    assert key(STUDY, name) == key(STUDY.replace(old, new), name)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("feature", "window=5", "window=6"),
        ("feature", "SCALE = 2.0", "SCALE = 2.5"),  # a global that a called function reads
        ("feature", "return x * SCALE", "return x + SCALE"),
        ("own", "return x * SCALE", "return x + SCALE"),
        ("own", "SCALE = 2.0", "SCALE = 3.0"),
        ("closed", "closing(3)", "closing(4)"),
    ],
)
def test_an_edit_below_changes_the_key(name, old, new):
    assert key(STUDY, name) != key(STUDY.replace(old, new), name)


def test_an_edit_elsewhere_keeps_the_key():
    assert key(STUDY, "closed") == key(STUDY.replace("SCALE = 2.0", "SCALE = 9.0"), "closed")


def test_a_captured_array_is_refused():
    module, bundle = load(STUDY)
    with pytest.raises(
        StudyError, match="must close over constants, functions and modules only; got 'constant, an array'"
    ):
        canonical(module.captured, bundle)


def test_a_table_in_a_class_attribute_is_refused():
    module, bundle = load(STUDY)
    with pytest.raises(StudyError, match="the class Holds must close over constants, .* got 'table, an array'"):
        canonical(module.holds, bundle)


def test_captured_bars_are_refused():
    module, bundle = load(STUDY)
    with pytest.raises(StudyError, match="got 'constant, Bars'"):
        canonical(module.closing(Synthetic(sessions=20).load()), bundle)


@dataclass(frozen=True)
class Part:
    size: int
    hidden: int = 1


def test_dataclasses_name_their_type_and_every_field():
    form = canonical(Part(2))
    assert (form["size"], form["hidden"]) == (2, 1)
    assert form["type"].endswith("Part")


def test_plain_values():
    assert canonical({"a": (1, np.float64(0.5), Fill.PERIOD, float("nan"))}) == {"a": [1, 0.5, "Fill.PERIOD", "nan"]}
    assert canonical(pd.Timestamp("2020-01-01")) == {"time": "2020-01-01T00:00:00"}


def test_estimators_are_their_class_and_parameters():
    assert canonical(Lasso(alpha=0.1))["alpha"] == 0.1
    assert digest(Lasso(alpha=0.1)) != digest(Lasso(alpha=0.2))


@pytest.mark.parametrize("value", [np.ones(2), pd.DataFrame({"a": [1]}), object()])
def test_bare_tables_and_strange_objects_are_refused(value):
    with pytest.raises(StudyError):
        canonical(value)


def test_partials_of_installed_functions_have_a_form():
    form = canonical(functools.partial(np.mean, axis=1))
    assert form == {
        "type": "functools.partial",
        "func": {"function": "numpy.mean"},
        "args": [],
        "keywords": {"axis": 1},
    }


def test_partials_are_features_with_names_of_their_own():
    def change(bars, window):
        return bars.close.pct_change(window)

    bars = Synthetic(sessions=20).load()
    built = build_features([functools.partial(change, window=1), functools.partial(change, window=2)], bars)
    inside = f"{change.__qualname__}, window"
    assert built.names == (f"partial({inside}=1)", f"partial({inside}=2)")


class Plain:
    def __init__(self):
        self.symbols = ("A", "B")
        self.extra = {"near": object(), "step": functools.partial(round, ndigits=2)}
        self.itself = self
        self._hidden = 1


class Addressed:
    def __repr__(self):
        return object.__repr__(self)


def test_a_declaration_is_described_in_one_line_without_addresses():
    extra = "{'near': object(), 'step': partial(round, ndigits=2)}"
    assert described(Plain()) == f"Plain(extra={extra}, itself=..., symbols=('A', 'B'))"
    assert described(Part(Addressed())) == f"Part(size=<{__name__}.Addressed object>, hidden=1)"
    assert described(Part(3)) == repr(Part(3))
    assert described([np.ones((2, 3)), (len,)]) == "[ndarray(2 x 3), (len,)]"


def test_a_declared_mapping_keeps_its_order_and_keys_of_any_kind():
    assert canonical({"a": 1, "b": 2}) == {"a": 1, "b": 2}
    assert canonical({"b": 2, "a": 1}) == {"pairs": [["b", 2], ["a", 1]]}
    assert canonical({3: 4, 1: 2}) == {"pairs": [[3, 4], [1, 2]]}
    told = [{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"pairs": [["b", 2], ["a", 1]]}, {"set": [1]}]
    assert len({digest(one) for one in told}) == 4
    assert len({digest(one) for one in ({1: 2, 3: 4}, {3: 4, 1: 2}, {"1": 2, "3": 4})}) == 3


def test_a_declared_set_is_no_list():
    assert canonical({2, 1}) == canonical(frozenset({1, 2})) == {"set": [1, 2]} != canonical([1, 2])


def test_the_digest_of_a_form_hangs_on_no_order_of_its_names():
    form = canonical(Part({"b": 2, "a": 1}))
    turned = dict(reversed(form.items()))
    assert digest_of(form) == digest_of(turned) == digest_of(json.loads(json.dumps(form, sort_keys=True)))
    assert digest_of(form) != digest_of(canonical(Part({"a": 1, "b": 2})))


def test_numpys_scalars_that_compute_like_pythons_are_the_same():
    assert canonical([np.float64(0.1), np.int64(3), np.bool_(True), np.str_("a")]) == [0.1, 3, True, "a"]
    assert canonical(np.float32(0.5)) == {"constant": "float32(0.5)"}
