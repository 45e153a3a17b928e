"""Whether a study's own code reads what no cut of the panel can reach: captured tables, files, the network."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from typing import Any, Final

from quantml.errors import StudyError
from quantml.source import text_of
from quantml.study import Study
from quantml.validation.audit.findings import Leak

READERS: Final = frozenset({
    "read_csv", "read_parquet", "read_pickle", "read_excel", "read_hdf", "read_feather", "read_json", "read_sql",
    "read_sql_query", "read_sql_table", "read_fwf", "read_html", "read_orc", "read_stata", "loadtxt", "genfromtxt",
    "fromfile", "memmap", "open_memmap", "urlopen", "urlretrieve", "read_text", "read_bytes", "scan_csv",
    "scan_parquet", "ParquetFile", "ParquetDataset",
})  # fmt: skip
"""Functions, methods and classes that bring data in from outside."""
OPENERS: Final = frozenset({"open", "gzip.open", "bz2.open", "lzma.open", "io.open", "codecs.open"})
"""What reads, unless it is asked to write."""
LOADERS: Final = frozenset({
    "numpy.load", "np.load", "joblib.load", "pickle.load", "torch.load", "requests.get", "httpx.get",
    "sqlite3.connect", "duckdb.connect", "duckdb.query", "psycopg.connect", "yfinance.download", "yf.download",
    "yfinance.Ticker", "yf.Ticker",
})  # fmt: skip
"""Functions of certain modules that do."""
AUDITED: Final = ("features", "target", "transforms", "sample_weight", "forecaster", "signal", "tuning")
"""Parts of a study whose code sees bars and must see nothing else."""


def inspect_code(study: Study) -> Iterator[Leak]:
    """Find code of the user's own that holds tables, or reads data by itself."""
    try:
        form = study.form
    except StudyError as error:
        yield Leak("code", "captured data", f"{error} What it holds cannot be cut off at any moment.")
        return
    for name in AUDITED:
        for function in sorted(set(_functions(form[name]))):
            yield from _reading(function, study)


def _functions(form: Any) -> Iterator[str]:
    """Name the functions whose code stands in a canonical form."""
    if isinstance(form, dict):
        if "function" in form and "code" in form:
            yield form["function"]
        for part in form.values():
            yield from _functions(part)
    elif isinstance(form, list):
        for part in form:
            yield from _functions(part)


def _reading(function: str, study: Study) -> Iterator[Leak]:
    module, text = _source(function, study)
    if not text:
        return
    name, tree = function.removeprefix(f"{module}."), ast.parse(text)
    imported = dict(_imported(tree))
    for qualified, node in _definitions(tree):
        if qualified != name:
            continue
        for call in (part for part in ast.walk(node) if isinstance(part, ast.Call)):
            if reader := _reader(call, imported):
                said = (f"it calls {reader} on line {call.lineno} of {module.rpartition('.')[2]}.py: what that gives"
                        " cannot be cut off at any moment. Hand outside data over as Exogenous.")  # fmt: skip
                yield Leak("code", name, said)


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Name what each imported name of a file stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.asname, alias.name) for alias in node.names if alias.asname)


def _source(function: str, study: Study) -> tuple[str, str]:
    """Return the module that a function's name begins with, and its text; nothing where there is none."""
    parts = function.split(".")
    for depth in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:depth])
        file = study.bundle.find(name) if study.bundle else None
        if file is not None:
            return name, file.text
        place = getattr(sys.modules.get(name), "__file__", None)
        if place:
            return name, text_of(place, name)
    return "", ""


def _definitions(tree: ast.AST, above: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Walk every function and lambda of a file with the qualified name that Python gives it."""
    for node in ast.iter_child_nodes(tree):
        name = "<lambda>" if isinstance(node, ast.Lambda) else getattr(node, "name", "")
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield f"{above}{name}", node
            yield from _definitions(node, f"{above}{name}.<locals>.")
        elif isinstance(node, ast.ClassDef):
            yield from _definitions(node, f"{above}{name}.")
        else:
            yield from _definitions(node, above)


def _reader(call: ast.Call, imported: dict[str, str]) -> str:
    """Return what a call reads by; empty where it reads nothing."""
    try:
        written = ast.unparse(call.func)
    except (ValueError, RecursionError):
        return ""
    root, dot, rest = written.partition(".")
    full = f"{imported.get(root, root)}{dot}{rest}"
    if full in OPENERS:
        return written if _reads(call) else ""
    return written if full in LOADERS or full.rpartition(".")[2] in READERS else ""


def _reads(call: ast.Call) -> bool:
    """Say whether a file is opened to be read, as far as the call says so."""
    modes = [*call.args[1:2], *(part.value for part in call.keywords if part.arg == "mode")]
    return not any(isinstance(mode, ast.Constant) and set("wax") & set(str(mode.value)) for mode in modes)
