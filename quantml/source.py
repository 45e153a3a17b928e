"""The source of this package and of a study: read once, named by digest, shipped to every worker.

A study file and the local modules that it imports make a `Bundle`. Its modules live in a package whose name carries
the digest of their text, so that a worker which has the bundle finds exactly the same classes under the same names.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import linecache
import re
import sys
import sysconfig
import traceback
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
_BUNDLED: Final = re.compile(rf"{PREFIX}[0-9a-f]{{20}}(\.|$)")
PACKAGE: Final = __name__.partition(".")[0]
"""The name of this package, which no module of a user can have."""


@lru_cache(maxsize=1)
def package_digest() -> str:
    """Return the SHA-256 of every Python file, template and style sheet of the installed package."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in {".py", ".j2", ".css"}):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def unbundled(text: str) -> str:
    """Return a module's name, or a text that begins with one, without the digest of the bundle."""
    return _BUNDLED.sub("", text, count=1) if text.startswith(PREFIX) else text


def is_users(module: str) -> bool:
    """Say whether a module is the user's own: in a bundle, a script, or a file outside every folder of packages."""
    root = module.partition(".")[0]
    if root == PACKAGE:
        return False
    found = sys.modules.get(module) or sys.modules.get(root)
    if found is None or root.startswith(PREFIX) or root in ("__main__", "__mp_main__"):
        return True
    place = getattr(found, "__file__", None) or next(iter(getattr(found, "__path__", ())), None)
    return place is not None and not is_installed(place)


@lru_cache(maxsize=4096)
def is_installed(place: str) -> bool:
    """Say whether a file lies in the standard library or in a folder of installed packages."""
    path = Path(place).resolve()
    homes = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return bool({"site-packages", "dist-packages"}.intersection(path.parts)) or any(map(path.is_relative_to, homes))


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

    def load_anew(self) -> ModuleType:
        """Import the bundle's modules once more, beside those that are loaded, and return the study's."""
        held = {name: sys.modules.pop(name) for name in self._loaded()}
        try:
            return self.load()
        finally:
            for name in self._loaded():
                del sys.modules[name]
            sys.modules.update(held)

    def _loaded(self) -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] == self.package]

    def find(self, name: str) -> SourceFile | None:
        """Return the module called `name` below the bundle's package, if it has one."""
        return next((file for file in self.files if file.name == name), None)


def cause_of(error: BaseException) -> str:
    """Name an error of user code: its type, and the first line of its text.

    >>> cause_of(KeyError("A")), cause_of(SystemExit())
    ("KeyError: 'A'", 'SystemExit')
    """
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def raised_at(error: BaseException) -> str:
    """Name the line that an error of user code comes from: the innermost in the user's own files.

    Where it comes from none of those, it is the first line outside quantml.
    """
    frames = [(str(frame.f_globals.get("__name__", "")), frame.f_code.co_filename, line)
              for frame, line in traceback.walk_tb(error.__traceback__)]  # fmt: skip
    outside = [frame for frame in frames if frame[0].partition(".")[0] != PACKAGE]
    own = [frame for frame in outside if is_users(frame[0])]
    for _, file, line in own[-1:] or outside[:1]:
        return f"line {line} of {Path(path_of(file)).name}"
    return ""


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
    if path.stem == PACKAGE:
        raise StudyError("a study's file", must="have a name other than this package's", got=str(path))
    return _with_imports(path.stem, path, path.parent)


def _with_imports(name: str, path: Path, root: Path) -> Bundle:
    """Read a module and, recursively, the modules below a folder that it imports."""
    files: dict[str, SourceFile] = {}
    pending = [(name, path)]
    while pending:
        name, file = pending.pop(0)
        if name not in files:
            files[name] = _read(name, file)
            pending += _local_modules(files[name], root)
    study, *others = files.values()
    return Bundle((study, *sorted(others, key=lambda file: file.name)))


def text_with_imports(module: str, filename: str) -> str:
    """Return the SHA-256 of a module's file and of its neighbours that it imports; without a file, of its text.

    Parameters
    ----------
    module : str
        Its name; that of a script is read off its file.
    filename : str
        What its code objects name as their file.
    """
    path = Path(path_of(filename))
    if not path.is_file():
        return hashlib.sha256(text_of(filename, module).encode()).hexdigest()
    name = path.stem if module in ("__main__", "__mp_main__") else module
    above = len(name.split(".")) - (path.name != "__init__.py")
    return _with_imports(name, path, path.parents[min(above, len(path.parents) - 1)]).digest


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
        if parts[0] == PACKAGE:  # its folder lies beside a study at the top of a checkout
            continue
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
        bundle = self.bundles[package]
        tree = ast.parse(file.text)
        if any(imported.split(".")[0] == "numba" for imported in _imported(tree, file)):
            importlib.import_module(f"{PACKAGE}.kernels")  # numba's own cache then knows what a bundle is
        module.__file__ = file.path
        tree = ast.fix_missing_locations(_Localise(bundle).visit(tree))
        exec(compile(tree, _enter(file, bundle), "exec"), module.__dict__)


_FINDER: Final = _BundleFinder()
_LOADED: Final[dict[str, SourceFile]] = {}
"""The files that bundles were loaded from in this process, by the name that their code objects carry."""


def _enter(file: SourceFile, bundle: Bundle) -> str:
    """Record a file that is being loaded, and return the name that its code objects shall carry.

    It is the file's path, so that breakpoints and tracebacks find it. Where the process has loaded another text from
    that path before, a part of the digest follows: the code of each version then finds its own text.
    """
    name = file.path
    if _LOADED.setdefault(name, file).text != file.text:
        name = f"{file.path} ({bundle.digest[:12]})"
        _LOADED[name] = file
    # tracebacks and `inspect` then show the text that was loaded, even where the file is absent or was edited
    linecache.cache[name] = (len(file.text), None, file.text.splitlines(keepends=True), name)
    return name


def path_of(filename: str) -> str:
    """Return the path of the file that a code object was compiled from, given the name that it carries."""
    return _LOADED[filename].path if filename in _LOADED else filename


def text_of(filename: str, module: str) -> str:
    """Return the text that the code of a module was compiled from; empty where there is none."""
    if module.startswith(PREFIX):
        return _LOADED[filename].text if filename in _LOADED else ""
    linecache.checkcache(filename)
    return "".join(linecache.getlines(filename))
