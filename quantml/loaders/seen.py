"""What loaders give while an audit asks what a study would have been shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

Owner = TypeVar("Owner")
Loaded = TypeVar("Loaded")
Asked = ParamSpec("Asked")
View = Callable[[Any], Any]

_VIEW: Final[ContextVar[View | None]] = ContextVar("view", default=None)


@contextmanager
def seen_through(view: View) -> Iterator[None]:
    """Pass what every loader of this package loads inside the block through `view`."""
    token = _VIEW.set(view)
    try:
        yield
    finally:
        _VIEW.reset(token)


def seen(load: Callable[Concatenate[Owner, Asked], Loaded]) -> Callable[Concatenate[Owner, Asked], Loaded]:
    """Let a loader's `load` give what the view of the moment shows of it."""

    @wraps(load)
    def shown(self: Owner, /, *args: Asked.args, **named: Asked.kwargs) -> Loaded:
        view = _VIEW.get()
        if view is None:
            return load(self, *args, **named)
        with seen_through(lambda inner: inner):  # what a loader makes of another's bars is shown once
            loaded = load(self, *args, **named)
        return view(loaded)  # type: ignore[no-any-return]

    return shown
