"""The range of dates that a loader is asked for, and durations in words."""

from __future__ import annotations

import re

import pandas as pd

from quantml.errors import ParameterError, check


def check_dates(owner: str, start: str | None, end: str | None) -> None:
    """Raise unless the first and last date of the loader `owner`, where given, are ISO dates in their order.

    Raises
    ------
    ParameterError
        If one is not.
    """
    for name, day in (("start", start), ("end", end)):
        if day is not None and not _is_iso(day):
            raise ParameterError(f"{owner}.{name}", must="be an ISO date such as '2005-01-31'", got=day)
    if start and end:
        check(start <= end, f"{owner}.start", f"not be after the end, {end}", start)


def _is_iso(day: object) -> bool:
    if not isinstance(day, str) or re.fullmatch(r"\d{4}-\d{2}-\d{2}", day) is None:
        return False
    try:
        pd.Timestamp(day)
    except ValueError:
        return False
    return True


def age(passed: pd.Timedelta) -> str:
    """Write a duration as people say it.

    >>> age(pd.Timedelta(days=3, hours=5)), age(pd.Timedelta(hours=1)), age(pd.Timedelta(seconds=90))
    ('3 days', '1 hour', '1 minute')
    """
    for unit, seconds in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = int(passed.total_seconds() // seconds)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"
