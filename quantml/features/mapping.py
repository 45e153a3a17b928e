"""A mapping that a frozen dataclass can hold: it cannot be changed, and it can be hashed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

Value = TypeVar("Value")


class FrozenMapping(Mapping[str, Value]):
    """A hashable mapping of names to values, in the order of the names.

    Examples
    --------
    >>> FrozenMapping({"b": 2, "a": 1})
    {'a': 1, 'b': 2}
    >>> hash(FrozenMapping({"b": 2, "a": 1})) == hash(FrozenMapping({"a": 1, "b": 2}))
    True
    """

    def __init__(self, held: Mapping[str, Value]) -> None:
        self._held = {name: held[name] for name in sorted(held)}

    def __getitem__(self, name: str) -> Value:
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __hash__(self) -> int:
        return hash(tuple(self._held.items()))

    def __repr__(self) -> str:
        return repr(self._held)
