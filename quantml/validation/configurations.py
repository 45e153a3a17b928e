"""The configuration that failed: its values, told with the error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from quantml.errors import QuantmlError, RunError
from quantml.source import cause_of
from quantml.wording import described


@contextmanager
def named(values: Mapping[str, Any]) -> Iterator[None]:
    """Put a configuration's values before the text of an error that is raised inside the block.

    Parameters
    ----------
    values : mapping
        The value of each search space by its dotted path; where there are none, errors stay as they are.

    Examples
    --------
    >>> with named({"forecaster.num_leaves": 7}):
    ...     raise RunError("no luck")
    Traceback (most recent call last):
    quantml.errors.RunError: with forecaster.num_leaves=7: no luck.
    """
    try:
        yield
    except QuantmlError as error:
        if not values:
            raise
        raise type(error).with_text(f"{_told(values)}: {error}") from error
    except Exception as error:
        if not values:
            raise
        raise RunError(f"{_told(values)}: {cause_of(error)}") from error


def _told(values: Mapping[str, Any]) -> str:
    return "with " + ", ".join(f"{path}={described(value)}" for path, value in values.items())
