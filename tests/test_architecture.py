"""The house rules, read off the syntax tree: imports go downward, and some things happen in one room only."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import quantml

ROOT = Path(quantml.__file__).parent
LAYERS = [
    {"errors", "installation", "interrupts", "lazy"},
    {"source", "arrays", "timing"},
    {"syntax", "faults"},
    {"reflection"},
    {"reads"},
    {"user_code"},
    {"canonical"},
    {"wording"},
    {"calendars", "space", "kernels", "storage"},
    {"exogenous", "panel", "settings"},
    {"lockbox"},
    {"bars"},
    {"cash", "currency"},
    {"universe"},
    {"listings"},
    {"survivorship"},
    {"evaluation", "loaders", "validation.splits"},
    {"features"},
    {"forecasters", "signals", "simulation.costs"},
    {"simulation"},
    {"targets", "weighting"},
    {"study"},
    {"study_file"},
    {"validation"},
    {"record", "manifest", "fold_facts"},
    {"finished"},
    {"runs"},
    {"sensitivities"},
    {"matrices"},
    {"operations", "reports"},
    {"cli"},
    {"__main__"},
]
MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def layer(module):
    """Rank of a module given below the package, as its longest listed beginning says."""
    fits = [(name, rank) for rank, names in enumerate(LAYERS) for name in names if f"{module}.".startswith(f"{name}.")]
    return max(fits, key=lambda fit: len(fit[0]))[1]


def room(module):
    return module.split(".")[0]


def dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path):
    """Yield the quantml modules that a file imports when it runs, at any depth; what only the type checker sees is left out."""
    skipped = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            skipped |= {id(part) for statement in node.body for part in ast.walk(statement)}
        if id(node) in skipped:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "quantml":
            base = node.module.removeprefix("quantml").lstrip(".")
            for alias in node.names:
                inside = ROOT.joinpath(*base.split("."), alias.name)
                is_module = inside.with_suffix(".py").exists() or inside.is_dir()
                yield f"{base}.{alias.name}".lstrip(".") if is_module else base
        elif isinstance(node, ast.Import):
            yield from (a.name.removeprefix("quantml.") for a in node.names if a.name.startswith("quantml."))


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_go_downward(path):
    module = dotted(path)
    same_room = [name for name in imports(path) if name and room(name) == room(module)]
    upward = [name for name in imports(path) if name and name not in same_room and layer(name) > layer(module)]
    assert upward == []


def test_every_module_has_a_layer():
    named = {name for names in LAYERS for name in names}
    below = {dotted(path): {dotted(path).rsplit(".", depth)[0] for depth in range(4)} for path in MODULES}
    assert [module for module, names in below.items() if not names & named] == []
    assert sorted(name for name in named if not any(name in names for names in below.values())) == []


def test_no_module_imports_itself_by_way_of_others():
    known = {dotted(path) for path in MODULES}
    pending = {dotted(path): set(imports(path)) & known - {dotted(path)} for path in MODULES}
    while free := [module for module, needs in pending.items() if not needs & set(pending)]:
        for module in free:
            del pending[module]
    assert sorted(pending) == []


def outside_imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize(
    ("package", "rooms"),
    [
        ("matplotlib", {"reports"}),
        ("jinja2", {"reports"}),
        ("yfinance", {"loaders"}),
        ("typer", {"cli"}),
        ("statsmodels", {"forecasters", "signals"}),
        ("lightgbm", {"forecasters"}),
        ("talib", {"features"}),
        ("joblib", {"validation"}),
        ("dask", {"validation"}),
        ("distributed", {"validation"}),
        ("optuna", {"validation"}),
        ("exchange_calendars", {"calendars"}),
        ("numba", {"kernels", "features", "simulation", "signals", "evaluation", "targets"}),
    ],
)
def test_a_library_is_used_in_its_own_room(package, rooms):
    assert {room(dotted(path)) for path in MODULES if package in set(outside_imports(path))} <= rooms


@pytest.mark.parametrize("path", [p for p in MODULES if room(dotted(p)) in
                                  {"features", "forecasters", "signals", "simulation", "evaluation", "targets", "weighting"}], ids=dotted)  # fmt: skip
def test_pure_rooms_touch_neither_disk_nor_clock_nor_terminal(path):
    assert (
        set(outside_imports(path)) & {"os", "pathlib", "time", "datetime", "socket", "sys", "subprocess", "rich"}
        == set()
    )
    assert not any(
        isinstance(n, ast.Call) and ast.unparse(n.func) in {"open", "print"}
        for n in ast.walk(ast.parse(path.read_text()))
    )


def test_no_file_is_too_long_and_none_is_called_utils():
    assert [dotted(path) for path in MODULES if path.read_text().count("\n") > 420] == []
    assert [dotted(path) for path in MODULES if path.stem in {"utils", "util", "helpers", "common"}] == []


HEAVY = (
    "pandas",
    "numpy",
    "numba",
    "matplotlib",
    "sklearn",
    "lightgbm",
    "optuna",
    "statsmodels",
    "arch",
    "scipy",
    "talib",
)


@pytest.mark.parametrize(
    "code", ["import quantml", "import sys; sys.argv = ['quantml', '--help']; import quantml.cli as c; c.main()"]
)
def test_importing_the_package_and_asking_for_help_load_nothing_heavy(code):
    code = f"import sys, atexit\natexit.register(lambda: print([m for m in {HEAVY!r} if m in sys.modules]))\n{code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_every_public_name_loads_and_is_listed():
    assert all(getattr(quantml, name) is not None for name in quantml.__all__)
    assert set(quantml.__all__) <= set(dir(quantml))
    with pytest.raises(AttributeError, match="has no attribute 'Bar'"):
        quantml.Bar  # noqa: B018
