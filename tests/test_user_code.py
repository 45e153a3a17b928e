"""User code in canonical forms: every edit below a part changes its key, nothing else does, and tables are refused."""

import importlib
import pickle
import re
import sys

import pytest

from quantml.canonical import canonical, digest
from quantml.errors import StudyError
from quantml.source import Bundle, SourceFile, read_bundle


def load(text):
    bundle = Bundle((SourceFile("user_code_study", f"user_code_study_{abs(hash(text))}.py", text),))
    return bundle.load(), bundle


def key(text, name):
    module, bundle = load(text)
    return digest(getattr(module, name), bundle)


BODIES = '''
import enum
import functools
from dataclasses import dataclass, field
from typing import NamedTuple
CONSTANT = 11
def shared(x):
    return x + 12
def adding(function):
    @functools.wraps(function)
    def wrapper(*given):
        return function(*given) + 13
    return wrapper
def warming(function):
    function.warmup = 14
    return function
class Speed(enum.Enum):
    FAST = 15
    def doubled(self):
        return self.value * 16
class Base:
    offset = 17
class Own(Base):
    """A class."""
    scale = CONSTANT
    helper = shared
    def __init__(self):
        self.held = 18
    @property
    def width(self):
        """Say something."""
        return 19  # a comment
    @staticmethod
    def plain(x):
        return x + 20
    @classmethod
    def made(cls):
        return cls.offset + 21
    @functools.cached_property
    def kept(self):
        return 22
    def __call__(self, bars):
        return Speed.FAST
@dataclass(frozen=True, order=True)
class Declared(Base):
    """A dataclass."""
    window: int = 23
    made: list = field(default_factory=lambda: [24])
    speed: Speed = Speed.FAST
    def __call__(self, bars):  # a comment
        return decorated(bars)
class Tuple(NamedTuple):
    window: int = 25
    def __call__(self, bars):
        return 26
@adding
@warming
def decorated(bars):
    return bars * 27
own, declared, named = Own(), Declared(), Tuple()
method = Own().__call__
kind = Declared
partial = functools.partial(decorated, 28, window=29)
remembered = functools.lru_cache(decorated)
one, other = (lambda bars: bars + 30), (lambda bars: bars + 31)
within = (lambda x: (lambda bars: bars + x + 32))(33)
'''


@pytest.mark.parametrize(
    ("name", "numbers"),
    {
        "own": (11, 12, 15, 16, 17, 18, 19, 20, 21, 22),
        "declared": (13, 14, 15, 16, 17, 23, 24, 27),
        "kind": (13, 14, 15, 16, 17, 23, 24, 27),
        "named": (25, 26),
        "method": (11, 12, 15, 16, 17, 18, 19, 20, 21, 22),
        "decorated": (13, 14, 27),
        "partial": (13, 14, 27, 28, 29),
        "remembered": (13, 14, 27),
        "one": (30,),
        "other": (31,),
        "within": (32, 33),
    }.items(),
)
def test_every_number_below_a_part_is_in_its_key_and_no_other(name, numbers):
    before = key(BODIES, name)
    changed = [number for number in range(11, 34) if key(BODIES.replace(str(number), f"{number}0"), name) != before]
    assert changed == list(numbers)


@pytest.mark.parametrize("name", ["own", "declared", "named", "partial", "one"])
@pytest.mark.parametrize(
    ("old", "new"),
    [("  # a comment", ""), ("A class", "The class"), ("A dataclass", "The dataclass"), ("Say something", "Say it"),
     ("CONSTANT = 11", "# a comment\n\nCONSTANT = 11"), ("bars + 30", "( bars  +  30 )")],
)  # fmt: skip
def test_comments_docstrings_and_layout_of_classes_change_nothing(name, old, new):
    assert key(BODIES, name) == key(BODIES.replace(old, new), name)


def test_what_dataclass_writes_is_not_spelt_out():
    module, bundle = load(BODIES)
    parts = canonical(module.declared, bundle)["code"]["parts"]
    assert sorted(parts) == ["__call__", "its fields", "speed", "window"]


@pytest.mark.parametrize("name", ["own", "declared", "named"])
def test_the_key_is_the_same_after_use_and_in_another_process(name):
    module, bundle = load(BODIES)
    part = getattr(module, name)
    before = digest(part, bundle)
    assert module.own.kept == 22  # computed once, and held by the object from then on
    again = pickle.loads(pickle.dumps(part))  # Python notes at a class that it was pickled
    assert digest(part, bundle) == digest(again, bundle) == before


HOLDING = """
import collections, functools, types
from dataclasses import dataclass, field
import numpy as np, pandas as pd
from scipy.sparse import eye
from sklearn.linear_model import Ridge
@dataclass
class Box:
    table: object
    late: object = field(default=None, init=False)
TABLE = np.ones(3)
late = Box(1)
late.late = TABLE
HELD = {held}
def reading(bars):
    return HELD
"""


@pytest.mark.parametrize(
    ("held", "named"),
    [
        ("{'a': TABLE}", "an array within dict"),
        ("[1, (TABLE,)]", "an array within list"),
        ("(pd.Series([1.0]),)", "a frame within tuple"),
        ("Box(TABLE)", "an array within Box"),
        ("late", "an array within Box"),
        ("collections.deque([TABLE])", "an array within deque"),
        ("types.SimpleNamespace(a=TABLE)", "an array within SimpleNamespace"),
        ("functools.partial(print, TABLE)", "an array within partial"),
        ("Ridge().fit(TABLE[:, None], TABLE)", "an array within Ridge"),
        ("eye(2).tocsr()", "an array within csr_matrix"),
        ("pd.Index([1])", "Index"),
    ],
)
def test_a_table_within_what_code_holds_is_refused(held, named):
    module, bundle = load(HOLDING.replace("{held}", held))
    told = f"the function reading must close over constants, functions and modules only; got 'HELD, {named}'"
    with pytest.raises(StudyError, match=re.escape(told)):
        canonical(module.reading, bundle)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def f(bars, held=[TABLE]):\n    pass", "the function f must .* got 'held, an array within list'"),
        ("def f(bars, *, held=TABLE):\n    pass", "the function f must .* got 'held, an array'"),
        ("def f(bars):\n    return reading(bars)", "the function reading must .* got 'HELD, an array within list'"),
        ("def f(bars):\n    def g():\n        return HELD", "the function f must .* got 'HELD, an array within list'"),
        ("class F:\n    held = {1: TABLE}\nf = F()", "the class F must .* got 'held, an array within dict'"),
    ],
)
def test_tables_are_found_in_defaults_called_functions_and_class_attributes(code, told):
    module, bundle = load(HOLDING.replace("{held}", "[TABLE]") + code)
    with pytest.raises(StudyError, match=told):
        canonical(module.f, bundle)


@pytest.mark.parametrize("held", ["(1, 'a')", "{'a': [1.5, None]}", "frozenset({1})", "object()", "range(3)",
                                  "pd.Timedelta(1)", "Box(3)", "Ridge()", "np.float64(2)"])  # fmt: skip
def test_constants_may_be_held_and_are_in_the_key(held):
    text = HOLDING.replace("{held}", held)
    assert (
        key(text, "reading") == key(text + "# a comment\n", "reading") != key(HOLDING.replace("{held}", "0"), "reading")
    )


def bundled(folder, study, **others):
    for name, text in {"study_file": study, **others}.items():
        (folder / f"{name}.py").write_text(text)
    bundle = read_bundle(folder / "study_file.py")
    return bundle.load(), bundle


TABLES = "import pandas as pd\nFRAME = pd.DataFrame({'a': [1]})\nVALUE = 2\ndef plain(bars):\n    return VALUE\n"


@pytest.mark.parametrize(
    "study",
    [
        "import tab\ndef f(bars):\n    return tab.FRAME",
        "import tab as other\ndef f(bars):\n    return other.FRAME.mean()",
        "def f(bars):\n    import tab\n    return tab.FRAME",
        "def f(bars):\n    from tab import FRAME as held\n    return held",
        "import tab\ndef made(held):\n    def f(bars):\n        return held.FRAME\n    return f\nf = made(tab)",
        "import tab\ndef f(bars):\n    return vars(tab)",
    ],
)
def test_a_table_of_the_users_module_is_refused(tmp_path, study):
    module, bundle = bundled(tmp_path, study, tab=TABLES)
    with pytest.raises(StudyError, match=r"must close over constants, functions and modules only; got '.*, a frame"):
        canonical(module.f, bundle)


@pytest.mark.parametrize("study", ["import tab\ndef f(bars):\n    return tab.plain(bars)",
                                   "def f(bars):\n    import tab\n    return tab.plain(bars)"])  # fmt: skip
def test_of_the_users_modules_only_what_is_read_counts(tmp_path, study):
    def key_with(old, new):
        module, bundle = bundled(tmp_path, study, tab=TABLES.replace(old, new))
        return digest(module.f, bundle)

    before = key_with("", "")
    assert key_with("[1]", "[9]") == before  # of FRAME, which is not read
    assert key_with("VALUE = 2", "VALUE = 2  # a comment") == before
    assert key_with("VALUE = 2", "VALUE = 9") != before


def test_a_module_beside_the_interpreters_folder_is_the_users(tmp_path, monkeypatch):
    folder = tmp_path / "venv-project"
    folder.mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.syspath_prepend(folder)
    keys = []
    for number in (1, 2):
        (folder / f"beside_{number}.py").write_text(f"def f(bars):\n    return {number}\n")
        form = canonical(importlib.import_module(f"beside_{number}").f)
        keys.append(form.get("code"))
    assert None not in keys
    assert keys[0] != keys[1]


HIDING = """
import collections, contextvars, datetime, functools, logging, threading
from dataclasses import dataclass, field
import numpy as np
from sklearn.linear_model import Ridge
TABLE = np.ones(3)
@dataclass
class Late:
    late: object = field(init=False)
@dataclass(frozen=True)
class Frozen:
    window: int = 3
@dataclass
class Given:
    window: int = field(default=3, metadata={"canonical": "left out"})
class Estimator(Ridge): pass
class Parametrized:
    def get_params(self, deep=True):
        return {}
class Marked:
    fingerprint = "x"
    py_func = len
class Slots:
    __slots__ = ("__held",)
class Day(datetime.date): pass
class Text(str): pass
class Number(np.float32): pass
late, frozen, given, left_out, slots = Late(), Frozen(), Given(), Given({held}), Slots()
estimator, parametrized, marked, ridge = Estimator(), Parametrized(), Marked(), Ridge()
day, text, number = Day(2020, 1, 1), Text("a"), Number(1)
object.__setattr__(frozen, "held", {held})
late.late = given.held = estimator.held = parametrized.held = marked.held = slots._Slots__held = {held}
day.held = text.held = number.held = ridge._held = {held}
made = collections.defaultdict(lambda: {held})
part = slice({held})
context = contextvars.ContextVar("context", default={held})
logger = logging.getLogger("holding")
logger.held = {held}
dtype = np.dtype(float, metadata={"held": {held}})
def reading(bars):
    return NAME
"""
HOLDERS = ("late", "frozen", "given", "left_out", "estimator", "parametrized", "marked", "slots", "day", "text",
           "number", "ridge", "made", "part", "context", "logger", "dtype")  # fmt: skip


@pytest.mark.parametrize("name", HOLDERS)
def test_whatever_an_object_holds_is_in_the_key_and_no_table(name):
    def form(held, part, after=""):
        module, bundle = load(HIDING.replace("{held}", held).replace("NAME", name) + after)
        return canonical(getattr(module, part), bundle)

    with pytest.raises(StudyError, match="array"):
        form("TABLE", "reading")
    assert form("5", "reading") == form("5", "reading", "# a comment") != form("6", "reading")
    if name in HOLDERS[:12]:
        with pytest.raises(StudyError, match="array"):
            form("TABLE", name)
        assert form("5", name) != form("6", name)


def test_a_fitted_estimator_is_refused_with_a_hint():
    module, bundle = load(HIDING.replace("{held}", "1") + "fitted = Ridge().fit(TABLE[:, None], TABLE)\n")
    with pytest.raises(StudyError, match="the estimator Ridge must hold no tables; got 'coef_, an array'. Give an unf"):
        canonical(module.fitted, bundle)


@pytest.mark.parametrize("held", ["(x for x in [1])", "[threading.Lock(), TABLE]",
                                  "threading.local(), threading.Lock(), {1: [TABLE]}"])  # fmt: skip
def test_what_has_no_form_may_hide_no_table_and_run_no_code(held):
    module, bundle = load(HIDING.replace("{held}", "1") + f"HELD = {held}\ndef f(bars):\n    return HELD")
    with pytest.raises(StudyError, match="the function f must close over"):
        canonical(module.f, bundle)


def test_a_lock_is_held_by_the_text_that_makes_it():
    text = HIDING.replace("{held}", "1") + "HELD = threading.Lock()\ndef f(bars):\n    return HELD\n"
    assert key(text, "f") == key(text, "f") != key(text + "# a comment", "f")


READ = """
import collections, functools, re
import numpy as np, pandas as pd
import datetime
class Zone(datetime.tzinfo):
    hours = 1
HELD = {held}
__span__ = {held}
def reading(bars):
    return HELD
def dunder(bars):
    return __span__
"""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}"),
        ("{1: 2}", "{'1': 2}"),
        ("[1]", "{1}"),
        ("float('nan')", "'nan'"),
        ("np.float32(0.1)", "0.1"),
        ("np.datetime64(1, 's')", "np.datetime64(1, 'h')"),
        ("re.compile('a' * 300 + 'b')", "re.compile('a' * 300 + 'c')"),
        ("re.compile('a')", "re.compile('a', re.I)"),
        ("'quantml_bundle_x.5'", "'quantml_bundle_y.5'"),
        ("collections.defaultdict(lambda: 5)", "collections.defaultdict(lambda: 6)"),
        (
            "pd.offsets.CustomBusinessDay(holidays=['2010-01-05'])",
            "pd.offsets.CustomBusinessDay(holidays=['2010-01-06'])",
        ),
    ],
)
def test_constants_that_differ_have_keys_that_differ(one, other):
    for name in ("reading", "dunder"):
        assert key(READ.replace("{held}", one), name) != key(READ.replace("{held}", other), name)


@pytest.mark.parametrize("held", ["Zone()", "datetime.time(1, tzinfo=Zone())", "pd.Timestamp(2020, 1, 1, tzinfo=None)"])
def test_no_address_and_no_digest_of_the_bundle_is_in_a_form(held):
    text = READ.replace("{held}", held)
    module, bundle = load(text)
    assert not re.search("0x|quantml_bundle", str(canonical(module.reading, bundle)))
    assert key(text, "reading") == key(text + "# a comment", "reading")
    if "Zone" in held:
        assert key(text, "reading") != key(text.replace("hours = 1", "hours = 2"), "reading")


def test_what_singledispatch_remembers_is_no_part_of_a_form():
    text = "import functools\n@functools.singledispatch\ndef f(x):\n    return x\n@f.register\ndef _(x: int):\n    return 5\n"
    module, bundle = load(text)
    before = digest(module.f, bundle)
    assert module.f(1) == 5
    assert digest(module.f, bundle) == before != key(text.replace("5", "6"), "f")
