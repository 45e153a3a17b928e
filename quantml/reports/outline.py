"""A study's canonical form, written the way its user wrote the study."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_CODE: Final = frozenset({"type", "code", "resolves", "bases"})
_ENUM: Final = re.compile(r"[A-Z]\w*\.[A-Z_]+")
_SPACES: Final = {"ChoiceSpace": "Choice", "IntegerSpace": "Integer", "RealSpace": "Real"}


def outline(form: Any) -> str:
    """Write a part of a canonical form as the expression that declares it.

    Parameters
    ----------
    form : object
        Plain values, as `quantml.canonical.canonical` makes them and JSON gives them back.

    Examples
    --------
    >>> outline({"type": "quantml.features.price.Momentum", "window": 21, "skip": None})
    'Momentum(window=21)'
    >>> outline([{"type": "quantml.space.ChoiceSpace", "values": [0.0, 0.002]}, "Fill.NEXT_CLOSE", "a"])
    "[Choice(0.0, 0.002), Fill.NEXT_CLOSE, 'a']"
    >>> outline({"a": 1}), outline({"pairs": [["b", 2], ["a", 1]]})
    ('{a: 1}', '{b: 2, a: 1}')
    >>> outline({"set": [1, 2]})
    '{1, 2}'
    """
    if isinstance(form, Mapping):
        return _declaration(form)
    if isinstance(form, list):
        return f"[{', '.join(outline(part) for part in form)}]"
    if isinstance(form, str) and _ENUM.fullmatch(form):
        return form
    return repr(form)


def _declaration(form: Mapping[str, Any]) -> str:
    for name in ("class", "function", "module"):
        if name in form:
            return _last(form[name])
    if "time" in form:
        return str(form["time"])
    if "set" in form and "type" not in form:
        return f"{{{', '.join(outline(part) for part in form['set'])}}}"
    if "type" not in form:
        pairs = form.get("pairs", [[name, part] for name, part in form.items()])
        return "{" + ", ".join(f"{_key(key)}: {outline(part)}" for key, part in pairs) + "}"
    name = _last(form["type"])
    if name == "ChoiceSpace":
        return f"Choice({', '.join(outline(value) for value in form['values'])})"
    if "fingerprint" in form:
        return f"{name}({form['fingerprint'][:12]})"
    held = [f"{key}={outline(part)}" for key, part in form.items() if key not in _CODE and part is not None]
    return f"{_SPACES.get(name, name)}({', '.join(held)})"


def _key(form: Any) -> str:
    return form if isinstance(form, str) else outline(form)


def _last(name: str) -> str:
    return name.rpartition(".")[2]
