"""The templates that pages are made from, and how a page is written."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from quantml.errors import StorageError
from quantml.storage import replace_file


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
    except OSError as error:
        raise StorageError(f"{path}", must="be writable", got=str(error)) from error
    replace_file(path, content)
