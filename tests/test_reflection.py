"""Code that reaches what it does not name hangs on every file of its study; any other code on what it names alone."""

import builtins
import importlib
import re
import sys
from inspect import getsource

import pytest

from quantml import load_study
from quantml.canonical import canonical, digest
from quantml.reflection import is_reaching, reaches_beyond
from quantml.source import read_bundle

STUDY = '''
import builtins, dataclasses, functools, gc, importlib, inspect, operator, sys, typing
from dataclasses import dataclass, field
from importlib import import_module
from inspect import getsource
from sys import modules as loaded
from typing import get_type_hints
import late
import neighbour
CONSTANT = 11
class Root:
    """12"""
    held: 13
class Leaf(Root):
    window = 14
@dataclass
class Noted:
    window: "15" = field(default=1, metadata={"held": 16})
evaluate = eval
TOOLS = {"evaluate": eval}
def documented():
    """17"""
def plain(bars):
    return 18
FEATURE
'''
NEIGHBOUR = "OTHER = 19\ndef unread(x):\n    return x\nread = vars\n"
LATE = "def __getattr__(name):\n    return 20\n"


def key(folder, feature, old="", new=""):
    for name, text in {"study_file": STUDY.replace("FEATURE", feature), "neighbour": NEIGHBOUR, "late": LATE}.items():
        (folder / f"{name}.py").write_text(text.replace(old, new) if old else text)
    bundle = read_bundle(folder / "study_file.py")
    return digest(bundle.load().f, bundle)


REACHING = {
    "eval": ('eval("CONSTANT")', 11),
    "a renamed eval": ('evaluate("CONSTANT")', 11),
    "an eval that is held": ('TOOLS["evaluate"]("CONSTANT")', 11),
    "eval of builtins": ('builtins.eval("CONSTANT")', 11),
    "eval that getattr finds": ('getattr(builtins, "eval")("CONSTANT")', 11),
    "exec": ('exec("print(CONSTANT)")', 11),
    "compile": ('compile("CONSTANT", "", "eval")', 11),
    "pandas' eval": ('bars.eval("A * @CONSTANT")', 11),
    "pandas' query": ('bars.query("A > @CONSTANT")', 11),
    "globals": ('globals()["CONSTANT"]', 11),
    "globals of a function": ('plain.__globals__["CONSTANT"]', 11),
    "globals of a frame": ('sys._getframe().f_globals["CONSTANT"]', 11),
    "a docstring": ("int(Root.__doc__)", 12),
    "a docstring that getattr finds": ('getattr(Root, "__doc__")', 12),
    "a function's docstring": ("int(documented.__doc__)", 17),
    "a docstring by inspect": ("inspect.getdoc(Root)", 12),
    "a function's code": ("documented.__code__.co_consts", 17),
    "annotations": ('int(Root.__annotations__["held"])', 13),
    "type hints": ("get_type_hints(Root)", 13),
    "type hints of typing": ("typing.get_type_hints(Root)", 13),
    "a field's type": ("[part.type for part in dataclasses.fields(Noted)]", 15),
    "a field's metadata": ('Noted.__dataclass_fields__["window"].metadata["held"]', 16),
    "subclasses": ("Root.__subclasses__()[0].window", 14),
    "objects in memory": ("gc.get_objects()", 14),
    "source": ("getsource(Leaf)", 14),
    "vars": ('vars(sys.modules[__name__])["CONSTANT"]', 11),
    "the dict of a module": ('loaded[__name__].__dict__["CONSTANT"]', 11),
    "import_module": ('import_module("neighbour").OTHER', 19),
    "import_module of importlib": ('importlib.import_module("neighbour").OTHER', 19),
    "__import__": ('__import__("neighbour").OTHER', 19),
    "modules of sys": ('sys.modules[__name__ + "neighbour"].OTHER', 19),
    "renamed modules of sys": ('loaded[__name__ + "neighbour"].OTHER', 19),
    "a neighbour's vars": ("neighbour.read()", 19),
    "a neighbour's __getattr__": ("late.missing", 20),
}


@pytest.mark.parametrize("name", REACHING)
@pytest.mark.parametrize("form", ["def f(bars):\n    return {}", "def f(bars):\n    return [{} for _ in bars]"])
def test_an_edit_of_what_is_reached_without_its_name_changes_the_key(tmp_path, name, form):
    said, number = REACHING[name]
    feature = form.format(said)
    before = key(tmp_path, feature)
    assert key(tmp_path, feature) == before != key(tmp_path, feature, str(number), f"{number}0")


@pytest.mark.parametrize(
    "feature",
    [
        "def f(bars):\n    from importlib import import_module as found\n    return found('neighbour')",
        "def f(bars):\n    import inspect as looking\n    return looking.stack()",
        "def f(bars):\n    from dataclasses import fields as listed\n    return listed(Noted)",
        "class F:\n    def __call__(self, bars):\n        return self.__dict__\nf = F()",
        "class F:\n    read = eval\n    def __call__(self, bars):\n        return self.read('CONSTANT')\nf = F()",
        "f = functools.partial(eval, 'CONSTANT')",
        "def f(bars, read=eval):\n    return read('CONSTANT')",
        "f = lambda bars: (lambda: vars())()",
    ],
)
def test_imports_classes_defaults_and_partials_reach_as_far(tmp_path, feature):
    assert key(tmp_path, feature) != key(tmp_path, feature, "return 18", "return 180")


@pytest.mark.parametrize(
    "said",
    ["bars.mean()", "plain(bars) + CONSTANT", "Noted(3).window", "neighbour.OTHER", "getattr(bars, 'close')",
     "operator.add(1, 2)", "typing.cast(float, 1)"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("old", "new"),
    [("Root:\n", "Root:\n    unread = 1\n"), ("return x", "return x + 1"), ('"""17"""', '"""170"""'),
     ("held: 13", "held: 130"), ("CONSTANT = 11", "CONSTANT = 11  # a comment")],
)  # fmt: skip
def test_an_edit_of_what_ordinary_code_does_not_name_changes_nothing(tmp_path, said, old, new):
    feature = f"def f(bars):\n    return {said}"
    assert key(tmp_path, feature) == key(tmp_path, feature, old, new)


def test_a_class_within_a_function_may_have_annotations_and_a_docstring():
    def ordinary(bars):
        class Inner:
            """Say something."""

            held: int = 3

        return Inner.held

    assert not reaches_beyond(ordinary.__code__)


def test_what_is_imported_only_where_a_module_makes_it_is_in_the_key(tmp_path):
    feature = "def f(bars):\n    from late import missing\n    return missing"
    assert key(tmp_path, feature) != key(tmp_path, feature, "return 20", "return 200")
    feature = "def f(bars):\n    import late\n    return late.missing"
    assert key(tmp_path, feature) != key(tmp_path, feature, "return 20", "return 200")


def test_code_outside_a_bundle_hangs_on_its_file_and_the_files_that_it_imports(tmp_path, monkeypatch):
    folder = tmp_path / "outside_bundles"
    folder.mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    (folder / "__init__.py").write_text("")

    def outside(constant, unrelated):
        (folder / "constants.py").write_text(f"LAG = {constant}\n")
        (folder / "unrelated.py").write_text(unrelated)
        (folder / "feature.py").write_text(
            "from outside_bundles.constants import LAG\ndef f(bars):\n    return eval('LAG')\n"
        )
        for name in [name for name in sys.modules if name.startswith("outside_bundles")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        return digest(importlib.import_module("outside_bundles.feature").f)

    assert outside(1, "") == outside(1, "# a comment") != outside(23, "")


def test_the_hash_of_a_study_hangs_on_what_its_features_reach(tmp_path):
    def hash_with(constant, said):
        path = tmp_path / "own.py"
        path.write_text(
            "import quantml as qm\nfrom quantml.loaders import Synthetic\n"
            f"LAG = {constant}\ndef f(bars):\n    return bars.close.pct_change({said})\n"
            "def rule(weights, context):\n    return weights\n"
            "study = qm.Study(data=Synthetic(sessions=60), features=[f], signal=rule, validation=qm.WalkForward(train=40, test=10))\n"
        )
        return load_study(path).hash

    assert hash_with(3, 'eval("LAG")') != hash_with(4, 'eval("LAG")')
    assert hash_with(3, "5") == hash_with(4, "5")


def test_objects_that_reach_are_told_from_those_of_the_same_name():
    assert all(map(is_reaching, (compile, eval, sys.modules, builtins, getsource)))
    assert not any(map(is_reaching, (re.compile, len, sys, {}, canonical)))


@pytest.mark.parametrize("name", ["patsy", "statsmodels.formula.api", "pickle", "pydoc", "logging.config"])
def test_what_reads_names_out_of_texts_reaches(name):
    assert is_reaching(importlib.import_module(name))
    assert reaches_beyond(compile(f"import {name}", "", "exec"))


def test_neighbours_of_what_reads_texts_do_not_reach():
    assert not any(is_reaching(importlib.import_module(name)) for name in ("statsmodels.api", "logging", "numpy"))
