"""Search spaces: `Choice`, `Integer` and `Real` stand where a value would, and are resolved before use.

For the type checker each is the type of the value that it will become, so a declaration that holds a space is
checked exactly like one that holds a number.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from quantml.errors import InputError, ParameterError

T = TypeVar("T")


@dataclass(frozen=True)
class Space:
    """Values that a parameter may take."""

    def grid(self) -> tuple[Any, ...]:
        """Every value that a grid search tries, in declared order."""
        raise ParameterError("a grid search", must="have only Choice and Integer spaces", got=self)

    def draw(self, generator: np.random.Generator) -> Any:
        """Draw one value."""
        return self.grid()[int(generator.integers(len(self.grid())))]


@dataclass(frozen=True)
class ChoiceSpace(Space):
    """One of the listed values."""

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ParameterError("Choice", must="list at least one value", got=self.values)

    def grid(self) -> tuple[Any, ...]:
        """Every listed value."""
        return self.values


@dataclass(frozen=True)
class IntegerSpace(Space):
    """Every whole number from `low` to `high`, both included."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ParameterError("Integer", must="have low <= high", got=(self.low, self.high))

    def grid(self) -> tuple[Any, ...]:
        """Every whole number in the range."""
        return tuple(range(self.low, self.high + 1))


@dataclass(frozen=True)
class RealSpace(Space):
    """Any number from `low` to `high`, evenly spread over the numbers or, with `log`, over their logarithms."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not (self.low < self.high and (not self.log or self.low > 0)):
            raise ParameterError("Real", must="have low < high, and low > 0 with log", got=(self.low, self.high))

    def draw(self, generator: np.random.Generator) -> float:
        """Draw one number."""
        if self.log:
            return float(np.exp(generator.uniform(np.log(self.low), np.log(self.high))))
        return float(generator.uniform(self.low, self.high))


if TYPE_CHECKING:

    def Choice(*values: T) -> T:  # noqa: D103, N802
        return values[0]

    def Integer(low: int, high: int) -> int:  # noqa: D103, N802
        return low

    def Real(low: float, high: float, *, log: bool = False) -> float:  # noqa: D103, N802
        return low

else:

    def Choice(*values):  # noqa: N802
        """Stand where one of `values` will stand; every alternative is validated when it is declared."""
        return ChoiceSpace(values)

    def Integer(low, high):  # noqa: N802
        """Stand where a whole number from `low` to `high` (both included) will stand."""
        return IntegerSpace(low, high)

    def Real(low, high, *, log=False):  # noqa: N802
        """Stand where a number from `low` to `high` will stand."""
        return RealSpace(low, high, log)


def find_spaces(declared: Any, path: str = "") -> dict[str, Space]:
    """List the search spaces inside a declaration by their dotted path, in declared order.

    Examples
    --------
    >>> from quantml.space import Choice
    >>> find_spaces((1, Choice(2, 3)))
    {'1': ChoiceSpace(values=(2, 3))}
    """
    if isinstance(declared, Space):
        return {path: declared}
    found: dict[str, Space] = {}
    for name, part in children(declared):
        found.update(find_spaces(part, f"{path}.{name}" if path else name))
    return found


def children(declared: Any) -> Iterator[tuple[str, Any]]:
    """Walk the named parts of a declaration.

    They are a dataclass's fields, the items of a sequence, the values of a mapping, and the parameters of a
    scikit-learn estimator.
    """
    if is_dataclass(declared) and not isinstance(declared, (type, Space)):
        yield from ((f.name, getattr(declared, f.name)) for f in fields(declared) if f.init)
    elif isinstance(declared, (tuple, list)):
        yield from ((str(i), part) for i, part in enumerate(declared))
    elif isinstance(declared, Mapping):
        yield from ((str(key), part) for key, part in declared.items())
    elif _is_estimator(declared):
        yield from declared.get_params(deep=False).items()


def _is_estimator(declared: Any) -> bool:
    return not isinstance(declared, type) and callable(getattr(declared, "get_params", None))


def substitute(declared: Any, values: Mapping[str, Any], path: str = "") -> Any:
    """Return `declared` with the parts at the dotted paths in `values` replaced; untouched parts are shared."""
    if path in values:
        return values[path]
    changed: dict[str, Any] = {}
    for name, part in children(declared):
        below = f"{path}.{name}" if path else name
        if any(key == below or key.startswith(below + ".") for key in values):
            changed[name] = substitute(part, values, below)
    if not changed:
        return declared
    if isinstance(declared, (tuple, list)):
        return type(declared)(changed.get(str(i), part) for i, part in enumerate(declared))
    if isinstance(declared, Mapping):
        return {key: changed.get(str(key), part) for key, part in declared.items()}
    if _is_estimator(declared):
        return type(declared)(**{**declared.get_params(deep=False), **changed})
    return replace(declared, **changed)


def grid(spaces: Mapping[str, Space]) -> list[dict[str, Any]]:
    """List every combination of the spaces' grid values; the last space varies fastest.

    Examples
    --------
    >>> grid({"a": ChoiceSpace((1, 2)), "b": ChoiceSpace((3,))})
    [{'a': 1, 'b': 3}, {'a': 2, 'b': 3}]
    """
    return [
        dict(zip(spaces, values, strict=True)) for values in itertools.product(*(s.grid() for s in spaces.values()))
    ]


def check_alternatives(owner: Any) -> bool:
    """Validate each alternative of each space that the dataclass `owner` holds; return whether it holds any.

    A space stands in a field, or in a mapping that is a field.

    An alternative is valid if it goes with some alternatives of the other spaces: of ``fast=Choice(5, 50)`` and
    ``slow=Choice(20, 100)`` each is, and the search leaves out the pair (50, 20).
    """
    held = {path: space for f in fields(owner) for path, space in _held(f.name, getattr(owner, f.name))}
    for name, space in held.items():
        others = {other: _corners(part) for other, part in held.items() if other != name}
        for value in _corners(space):
            _check_some(owner, {name: (value,), **others})
    return bool(held)


def _held(name: str, value: Any) -> list[tuple[str, Space]]:
    parts = {f"{name}.{key}": part for key, part in value.items()} if isinstance(value, Mapping) else {name: value}
    return [(path, part) for path, part in parts.items() if isinstance(part, Space)]


def _check_some(owner: Any, alternatives: Mapping[str, tuple[Any, ...]]) -> None:
    refusal: Exception | None = None
    for values in itertools.product(*alternatives.values()):
        try:
            substitute(owner, dict(zip(alternatives, values, strict=True)))
        except InputError as error:
            refusal = refusal or error
        else:
            return
    if refusal is not None:
        raise refusal


def _corners(space: Space) -> tuple[Any, ...]:
    if isinstance(space, (IntegerSpace, RealSpace)):
        return (space.low, space.high)
    return space.grid()


class Declaration:
    """Base of the small frozen dataclasses that studies are made of.

    The constructor only stores. `validate` runs once at declaration, on the values themselves or, where a search
    space stands, on each of its alternatives.
    """

    def __post_init__(self) -> None:
        if not check_alternatives(self):
            self.validate()

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
