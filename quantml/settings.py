"""Settings: declared values changed from outside, each written ``dotted.path=value``."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any

from quantml.errors import ParameterError, did_you_mean
from quantml.space import children
from quantml.timing import Fill


def read_settings(declared: Any, settings: Sequence[str], *, given_by_file: Sequence[str]) -> dict[str, Any]:
    """Read settings into values by their path.

    Parameters
    ----------
    declared : object
        What they change, such as a study.
    settings : sequence of str
        A value is read as a Python literal, an enumeration's member, or text.
    given_by_file : sequence of str
        Fields that say where `declared` came from, and are not to be set.

    Raises
    ------
    ParameterError
        If a setting is not written so, or its path names nothing that is declared.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        path = path.strip()
        if not equals:
            raise ParameterError("--set", must="read path=value", got=setting)
        if path.split(".")[0] in given_by_file:
            raise ParameterError(f"--set {path}", must="change what the study declares", got=setting)
        values[path] = _read(text.strip(), _find(declared, path, given_by_file))
    return values


def covers(paths: Iterable[str], path: str) -> bool:
    """Say whether a path, or one above it, is among `paths`.

    >>> covers(["signal.0"], "signal.0.threshold"), covers(["signal.0"], "signal.01")
    (True, False)
    """
    return any(path == given or path.startswith(f"{given}.") for given in paths)


def _find(declared: Any, path: str, hidden: Sequence[str]) -> Any:
    place = declared
    walked: list[str] = []
    for name in path.split("."):
        parts = dict(children(place))
        if name not in parts:
            parts = {part: value for part, value in parts.items() if part not in hidden}
            of = f"{type(place).__name__} at {'.'.join(walked)}" if walked else "the study"
            hint = did_you_mean(name, parts) if parts else "It has no parts."
            raise ParameterError(f"--set {path}", must="name a declared value", got=f"no {name!r} in {of}", hint=hint)
        place = parts[name]
        walked.append(name)
    return place


def _read(text: str, old: Any) -> Any:
    """Read a value from the command line as a Python literal, an enumeration's member, or text."""
    if isinstance(old, Enum) or (old is None and text.upper() in Fill.__members__):
        members = (type(old) if isinstance(old, Enum) else Fill).__members__
        if text.upper() not in members:
            raise ParameterError(
                type(old).__name__, must="be one of its members", got=text, hint=did_you_mean(text, members)
            )
        return members[text.upper()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
