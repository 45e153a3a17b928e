"""How a study file is read, and how what is wrong with one is told."""

from __future__ import annotations

import re
import sys
import traceback
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from quantml.errors import QuantmlError, StudyError, did_you_mean
from quantml.source import PREFIX, Bundle, path_of, read_bundle
from quantml.study import Study


def load_study(path: str | Path) -> Study:
    """Read the study that a file exports as ``study``.

    The file and the local modules that it imports travel with the study, to worker processes and into its run.

    Raises
    ------
    StudyError
        If the file is missing, does not run, or exports no study; the text names the file and line.
    """
    bundle = read_bundle(Path(path))
    try:
        module = bundle.load()
    except QuantmlError as error:
        raise type(error).with_text(f"{_place(error, bundle)}: {error}") from error
    except (Exception, SystemExit) as error:
        raise StudyError(f"{_place(error, bundle)}: {type(error).__name__}: {_explain(error, bundle)}") from error
    study = getattr(module, "study", None)
    if not isinstance(study, Study):
        got = "no such name" if study is None else type(study).__name__
        raise StudyError(f"{path}", must="export `study`, a Study", got=got, hint="Write: study = Study(...).")
    return replace(study, name=bundle.name, bundle=bundle)


def _place(error: BaseException, bundle: Bundle) -> str:
    paths = {file.path for file in bundle.files}
    entries = [(path_of(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    inside = [(path, line) for path, line in entries if path in paths]
    return f"{inside[-1][0]}, line {inside[-1][1]}" if inside else bundle.files[0].path


def _explain(error: BaseException, bundle: Bundle) -> str:
    """Add the near name to Python's own complaint about a misspelt parameter or import."""
    text = str(error)
    if isinstance(error, ImportError) and (
        wanted := re.match(r"cannot import name '(\w+)' from '(quantml[\w.]*)'", text)
    ):
        return f"{wanted[0]}. {did_you_mean(wanted[1], dir(sys.modules[wanted[2]]))}"
    _, found, rest = text.partition("got an unexpected keyword argument ")
    if not found:
        return text
    owner, wrong = text.split(".__init__")[0].split(".")[-1].split("(")[0], rest.strip("'\".").split("'")[0]
    kind = _class_named(owner)
    if kind is None:
        return text
    return f"{text.split('. Did you')[0]}. {did_you_mean(wrong, [f.name for f in fields(kind) if f.init])}"


def _class_named(name: str) -> Any:
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith(("quantml", PREFIX)):
            kind = vars(module).get(name)
            if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__"):
                return kind
    return None
