"""Search spaces: `Choice`, `Integer` and `Real` stand where a value would, and are resolved before use.

For the type checker each is the type of the value that it will become, so a declaration that holds a space is
checked exactly like one that holds a number.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from quantml.errors import InputError, ParameterError, check, check_finite, check_whole, is_finite

T = TypeVar("T")
LISTED: Final = 100_000
"""How many combinations are listed at most; more are drawn from."""
Mark = int | float
"""Where a value lies in its space; equal marks are equal values, whatever the values are."""


@dataclass(frozen=True)
class Space(ABC):
    """Values that a parameter may take."""

    @property
    def size(self) -> int | float:
        """How many values there are; infinity where they cannot be counted."""
        return math.inf

    def grid(self) -> tuple[Any, ...]:
        """Every value that a grid search tries, in declared order."""
        raise ParameterError("a grid search", must="have only Choice and Integer spaces", got=self)

    @abstractmethod
    def mark(self, generator: np.random.Generator) -> Mark:
        """Draw the place of a value."""

    def at(self, mark: Any) -> Any:
        """Return the value at a place."""
        return mark

    def draw(self, generator: np.random.Generator) -> Any:
        """Draw one value."""
        return self.at(self.mark(generator))

    def place(self, value: Any) -> float:
        """Say where a value of the space stands in the order of its declaration."""
        return float(value)

    @property
    def is_ordered(self) -> bool:
        """Whether the values are numbers, so that some lie next to each other."""
        return True

    @abstractmethod
    def unit(self, value: Any) -> float:
        """Scale a value of an ordered space to 0 to 1."""


@dataclass(frozen=True)
class ChoiceSpace(Space):
    """One of the listed values.

    A space inside an alternative is written out: ``Choice(5, Choice(6, 7))`` lists 5, 6 and 7, and
    ``Choice(Ridge(alpha=Choice(1.0, 10.0)), LightGBM())`` lists three forecasters.
    """

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        check(bool(self.values), "Choice", "list at least one value", self.values)
        flat = tuple(itertools.chain.from_iterable(_written_out(value) for value in self.values))
        object.__setattr__(self, "values", flat)

    @property
    def size(self) -> int:
        """How many values are listed."""
        return len(self.values)

    def grid(self) -> tuple[Any, ...]:
        """Every listed value."""
        return self.values

    def mark(self, generator: np.random.Generator) -> Mark:
        """Draw a position in the list."""
        return int(generator.integers(len(self.values)))

    def at(self, mark: int) -> Any:
        """Return the value at a position in the list."""
        return self.values[mark]

    def place(self, value: Any) -> float:
        """Return the position of a value in the list."""
        same = [number for number, one in enumerate(self.values) if one is value]  # objects need not be comparable
        return same[0] if same else self.values.index(value)

    @property
    def is_ordered(self) -> bool:
        """Whether the list holds numbers alone, and two different ones at least."""
        return all(is_finite(value) for value in self.values) and len(set(self.values)) > 1

    def unit(self, value: Any) -> float:
        """Return the rank of a number among the listed ones."""
        numbers = sorted(set(self.values))
        return numbers.index(value) / (len(numbers) - 1)


@dataclass(frozen=True)
class IntegerSpace(Space):
    """Every whole number from `low` to `high`, both included."""

    low: int
    high: int

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            object.__setattr__(self, name, check_whole(f"Integer.{name}", getattr(self, name)))
        check(self.low <= self.high, "Integer", "have low <= high", (self.low, self.high))
        check(abs(self.low) < 2**63 > abs(self.high), "Integer", "have ends of 64 bits", (self.low, self.high))

    @property
    def size(self) -> int:
        """How many whole numbers there are."""
        return self.high - self.low + 1

    def grid(self) -> tuple[Any, ...]:
        """Every whole number in the range."""
        return tuple(range(self.low, self.high + 1))

    def mark(self, generator: np.random.Generator) -> Mark:
        """Draw a number."""
        return int(generator.integers(self.low, self.high, endpoint=True))

    def unit(self, value: int) -> float:
        """Return how far a number lies between the ends."""
        return (value - self.low) / max(self.high - self.low, 1)


@dataclass(frozen=True)
class RealSpace(Space):
    """Any number from `low` to `high`, evenly spread over the numbers or, with `log`, over their logarithms."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            object.__setattr__(self, name, check_finite(f"Real.{name}", getattr(self, name)))
        check(isinstance(self.log, bool), "Real.log", "be True or False", self.log)
        holds = self.low < self.high and (not self.log or self.low > 0)
        check(holds, "Real", "have low < high, and low > 0 with log", (self.low, self.high))
        check(math.isfinite(self.high - self.low), "Real", "have a finite width", (self.low, self.high))

    def mark(self, generator: np.random.Generator) -> Mark:
        """Draw a number."""
        if not self.log:
            return float(generator.uniform(self.low, self.high))
        drawn = np.exp(generator.uniform(np.log(self.low), np.log(self.high)))
        return float(np.clip(drawn, self.low, self.high))  # exp(log(x)) may miss x by a rounding

    def unit(self, value: float) -> float:
        """Return how far a number, or its logarithm, lies between the ends."""
        low, high, at = (math.log(x) if self.log else x for x in (self.low, self.high, value))
        return (at - low) / (high - low)


if TYPE_CHECKING:

    def Choice(*values: T) -> T:  # noqa: D103, N802
        return values[0]

    def Integer(low: int, high: int) -> int:  # noqa: D103, N802
        return low

    def Real(low: float, high: float, *, log: bool = False) -> float:  # noqa: D103, N802
        return low

else:

    def Choice(*values):  # noqa: N802
        """Stand where one of `values` will stand; every alternative is validated when it is declared.

        Alternatives may hold a Choice or an Integer, which are written out in declared order, but no Real.

        >>> Choice(5, Choice(6, 7))
        ChoiceSpace(values=(5, 6, 7))
        """
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


def alternatives(declared: Any) -> tuple[Any, ...]:
    """List what may stand in a place: the values of a Choice, else what stands there."""
    return declared.values if isinstance(declared, ChoiceSpace) else (declared,)


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
        parts = [changed.get(str(i), part) for i, part in enumerate(declared)]
        return type(declared)(*parts) if hasattr(declared, "_fields") else type(declared)(parts)
    if isinstance(declared, Mapping):
        return {key: changed.get(str(key), part) for key, part in declared.items()}
    if _is_estimator(declared):
        return type(declared)(**{**declared.get_params(deep=False), **changed})
    return replace(declared, **changed)


def combinations(spaces: Mapping[str, Space]) -> int | float:
    """Count the combinations of the spaces' values, without listing them."""
    sizes = [space.size for space in spaces.values()]
    return math.inf if math.inf in sizes else math.prod(sizes)  # a float times a huge whole number would overflow


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


def sample(spaces: Mapping[str, Space], count: int, generator: np.random.Generator) -> list[dict[str, Any]]:
    """Draw `count` different combinations; all of them, in the order of `grid`, where there are no more.

    Examples
    --------
    >>> sample({"a": ChoiceSpace((1, 2))}, 5, np.random.default_rng(0))
    [{'a': 1}, {'a': 2}]
    """
    return grid(spaces) if combinations(spaces) <= count else list(itertools.islice(draws(spaces, generator), count))


def draws(spaces: Mapping[str, Space], generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Draw different combinations one after another, until there are no others.

    Examples
    --------
    >>> drawn = draws({"a": ChoiceSpace((1, 2))}, np.random.default_rng(0))
    >>> sorted(values["a"] for values in drawn)
    [1, 2]
    """
    total, drawn = combinations(spaces), set[tuple[Mark, ...]]()
    while len(drawn) < total:
        marks = tuple(space.mark(generator) for space in spaces.values())
        if marks not in drawn:
            drawn.add(marks)
            yield {path: spaces[path].at(mark) for path, mark in zip(spaces, marks, strict=True)}


def _written_out(value: Any) -> list[Any]:
    """List the alternatives that one alternative stands for, in declared order."""
    inner = find_spaces(value)
    _check_listable(value, inner)
    written: list[Any] = []
    refusal: InputError | None = None
    for values in grid(inner):
        try:
            written.append(substitute(value, values))
        except InputError as error:  # one part refuses what another allows, such as a fast window above the slow one
            refusal = refusal or error
    if refusal is not None and not written:
        raise refusal
    return written


def _check_listable(value: Any, inner: Mapping[str, Space]) -> None:
    name = type(value).__name__
    for path, space in inner.items():
        if isinstance(space, RealSpace):
            subject = f"{path} of {name}, an alternative of Choice," if path else "an alternative of Choice"
            hint = "List its values with Choice, or make a study of each alternative."
            raise ParameterError(subject, must="not be a Real", got=space, hint=hint)
    if (total := combinations(inner)) > LISTED:
        must = f"stand for at most {LISTED:,} values"
        raise ParameterError(f"{name}, an alternative of Choice,", must, got=total, hint="Narrow its spaces.")


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
