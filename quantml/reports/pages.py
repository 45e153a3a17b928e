"""The templates that pages are made from, and how a page is written."""

from __future__ import annotations

import os
import tempfile
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from quantml.errors import StorageError


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return what the package's templates are rendered by."""
    environment = Environment(
        loader=PackageLoader("quantml.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["svg"] = Markup
    return environment


def write_page(path: Path, content: bytes) -> None:
    """Write a page in one step, in place of one that is there, and the folder that it lies in.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
    except OSError as error:
        raise StorageError(f"{path}", must="be writable", got=str(error)) from error


def _replace(path: Path, content: bytes) -> None:
    """Put a whole file in the place of another."""
    handle, partial = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except OSError:
        Path(partial).unlink(missing_ok=True)
        raise
