"""The source of this package and of a study: read once, named by digest, shipped to every worker.

A study file and the local modules that it imports make a `Bundle`. Its modules live in a package whose name carries
the digest of their text, so that a worker which has the bundle finds exactly the same classes under the same names.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import linecache
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Final

from quantml.errors import StudyError

PREFIX: Final = "quantml_bundle_"
"""What the names of bundle packages begin with."""


@lru_cache(maxsize=1)
def package_digest() -> str:
    """Return the SHA-256 of every Python file and template of the installed package."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in {".py", ".j2", ".css"}):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


@dataclass(frozen=True)
class SourceFile:
    """One module of a bundle: its dotted name below the bundle, where it was read, and its text."""

    name: str
    path: str
    text: str
    is_package: bool = False

    @property
    def relative(self) -> str:
        """Path of the file below the study's folder."""
        return self.name.replace(".", "/") + ("/__init__.py" if self.is_package else ".py")


@dataclass(frozen=True)
class Bundle:
    """A study file with the local modules it imports; the first file is the study's.

    A bundle pickles as text. `load` makes its modules importable in this process.
    """

    files: tuple[SourceFile, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the modules' names and texts; where they were read does not matter."""
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(f"{file.name}\0{file.text}\0".encode())
        return digest.hexdigest()

    @property
    def package(self) -> str:
        """Name of the package that holds the bundle's modules."""
        return PREFIX + self.digest[:20]

    @property
    def name(self) -> str:
        """Name of the study: its file's name without the suffix."""
        return self.files[0].name

    @property
    def description(self) -> str:
        """What the study's file says it is: its docstring, in one line."""
        return " ".join((ast.get_docstring(ast.parse(self.files[0].text)) or "").split())

    def register(self) -> None:
        """Make the bundle's modules importable in this process."""
        _FINDER.bundles[self.package] = self
        if _FINDER not in sys.meta_path:
            sys.meta_path.insert(0, _FINDER)

    def load(self) -> ModuleType:
        """Register the bundle and import the study's module."""
        self.register()
        return importlib.import_module(f"{self.package}.{self.name}")

    def find(self, name: str) -> SourceFile | None:
        """Return the module called `name` below the bundle's package, if it has one."""
        return next((file for file in self.files if file.name == name), None)


def read_bundle(path: Path) -> Bundle:
    """Read a study file and, recursively, the modules beside it that it imports.

    Raises
    ------
    StudyError
        If the file does not exist, is not Python, or has a syntax error.
    """
    if not path.is_file():
        raise StudyError("a study", must="be an existing Python file", got=str(path))
    if path.suffix != ".py" or not path.stem.isidentifier():
        raise StudyError("a study's file", must="have a Python module's name, such as my_study.py", got=str(path))
    files: dict[str, SourceFile] = {}
    pending = [(path.stem, path)]
    while pending:
        name, file = pending.pop(0)
        if name not in files:
            files[name] = _read(name, file)
            pending += _local_modules(files[name], path.parent)
    study, *others = files.values()
    return Bundle((study, *sorted(others, key=lambda file: file.name)))


def _read(name: str, path: Path) -> SourceFile:
    try:
        text = path.read_text(encoding="utf-8")
        ast.parse(text, filename=str(path))
    except SyntaxError as error:
        raise StudyError(f"{path}, line {error.lineno}: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise StudyError(f"{path}", must="be UTF-8 text", got=str(error)) from error
    return SourceFile(name, str(path.resolve()), text, is_package=path.name == "__init__.py")


def _local_modules(file: SourceFile, root: Path) -> list[tuple[str, Path]]:
    found: list[tuple[str, Path]] = []
    for name in _imported(ast.parse(file.text), file):
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            dotted, place = ".".join(parts[:depth]), root.joinpath(*parts[:depth])
            candidates = (place.with_suffix(".py"), place / "__init__.py")
            found += [(dotted, path) for path in candidates if path.is_file()][:1]
    return found


def _imported(tree: ast.Module, file: SourceFile) -> Iterator[str]:
    """Name the modules that `tree` imports, as dotted paths below the study's folder."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, file)
            yield from ([base] if base else [])
            yield from (f"{base}.{alias.name}".lstrip(".") for alias in node.names)


def _absolute(node: ast.ImportFrom, file: SourceFile) -> str:
    if not node.level:
        return node.module or ""
    parts = file.name.split(".")
    above = parts[: len(parts) - node.level + file.is_package]
    return ".".join([*above, *([node.module] if node.module else [])])


class _Localise(ast.NodeTransformer):
    """Point absolute imports of the bundle's own modules at the bundle's package."""

    def __init__(self, bundle: Bundle) -> None:
        self._package = bundle.package
        self._local = {file.name.split(".")[0] for file in bundle.files}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        if not node.level and node.module and node.module.split(".")[0] in self._local:
            node.module = f"{self._package}.{node.module}"
        return node

    def visit_Import(self, node: ast.Import) -> ast.AST | Sequence[ast.stmt]:
        return [ast.copy_location(part, node) for alias in node.names for part in self._localised(alias)]

    def _localised(self, alias: ast.alias) -> list[ast.stmt]:
        root = alias.name.split(".")[0]
        if root not in self._local:
            return [ast.Import([alias])]
        inside = f"{self._package}.{alias.name}"
        if alias.asname or root == alias.name:
            return [ast.Import([ast.alias(inside, alias.asname or root)])]
        # `import a.b` loads a.b and binds a
        return [ast.Import([ast.alias(inside, root)]), ast.ImportFrom(self._package, [ast.alias(root)], 0)]


class _BundleFinder(MetaPathFinder, Loader):
    """Imports the modules of registered bundles from their text."""

    def __init__(self) -> None:
        self.bundles: dict[str, Bundle] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        bundle = self.bundles.get(package)
        if bundle is None:
            return None
        if not name:
            return ModuleSpec(fullname, self, is_package=True)
        file = bundle.find(name)
        return None if file is None else ModuleSpec(fullname, self, origin=file.path, is_package=file.is_package)

    def exec_module(self, module: ModuleType) -> None:
        package, _, name = module.__name__.partition(".")
        file = self.bundles[package].find(name)
        if file is None:  # the package itself
            return
        module.__file__ = file.path
        # tracebacks and `inspect` then show the text that was loaded, even where the file is absent or was edited
        linecache.cache[file.path] = (len(file.text), None, file.text.splitlines(keepends=True), file.path)
        tree = ast.fix_missing_locations(_Localise(self.bundles[package]).visit(ast.parse(file.text)))
        exec(compile(tree, file.path, "exec"), module.__dict__)


_FINDER: Final = _BundleFinder()
