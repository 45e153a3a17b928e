"""Whose fault an error is: what a user's own code raises is wrong input, and is reported as such."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager

from quantml.errors import InputError, QuantmlError
from quantml.source import cause_of, raised_at


@contextmanager
def users_code(owner: object, name: str, error: type[InputError]) -> Iterator[None]:
    """Report what a user's own code raises, `SystemExit` too, as wrong input that names the code and its line.

    What quantml's own classes raise by mistake is no fault of the study and passes through.

    Parameters
    ----------
    owner : object
        The object, or function, whose code runs.
    name : str
        What the error calls it.
    error : type
        What is raised.
    """
    try:
        yield
    except QuantmlError:
        raise
    except (Exception, SystemExit) as raised:
        if is_built_in(owner):
            raise
        raise error(f"{name} failed: {cause_of(raised)}", where=raised_at(raised)) from raised


def is_built_in(owner: object) -> bool:
    """Say whether an object is one of quantml's own."""
    kind = owner if inspect.isroutine(owner) else type(owner)
    return str(kind.__module__).startswith("quantml.")


def name_of(owner: object) -> str:
    """Name an object as its author would: a function by its name, anything else by its class."""
    return str(getattr(owner, "__name__", type(owner).__name__))
