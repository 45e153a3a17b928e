"""A trial: one variant of a study and its out-of-sample result, named by the hash of what it says."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import pandas as pd

from quantml.canonical import canonical
from quantml.loaders.synthetic.base import World
from quantml.storage import parquet_bytes
from quantml.study import Study

PRICES: Final = "prices"
"""The world of everything that was not made up."""
NESTED: Final = 8
"""Loaders that may take their bars from one another."""


@dataclass(frozen=True)
class Family:
    """The data whose luck a trial looked at: one world, and some of its symbols.

    Two families are related where they have a symbol of the same world. Neither the range of the data nor the loader
    that brought them matters: a longer download of the same symbols, from another source too, tells of the same past,
    and so does a universe that one more symbol has joined.

    Parameters
    ----------
    world : str
        ``"prices"``, or of a synthetic world how it was made up; its length does not matter.
    symbols : tuple of str
    """

    world: str
    symbols: tuple[str, ...]

    @classmethod
    def of(cls, data: Any, symbols: Sequence[str]) -> Family:
        """Name the family of a study's data, once they are loaded."""
        return cls(world_of(data), tuple(sorted(symbols)))

    def is_related(self, other: Family) -> bool:
        """Say whether the other has a symbol of the same world.

        Examples
        --------
        >>> one, two = Family("prices", ("AAPL", "MSFT")), Family("prices", ("IBM", "MSFT"))
        >>> one.is_related(two), one.is_related(Family("prices", ("IBM",)))
        (True, False)
        """
        return self.world == other.world and not set(self.symbols).isdisjoint(other.symbols)

    @property
    def hash(self) -> str:
        """SHA-256 of world and symbols."""
        return hashlib.sha256(json.dumps([self.world, *self.symbols]).encode()).hexdigest()

    def __str__(self) -> str:
        named = ", ".join(self.symbols[:4])
        more = f" and {len(self.symbols) - 4:,} more" if len(self.symbols) > 4 else ""
        return f"{named}{more}" + ("" if self.world == PRICES else f" of {self.world}")


def world_of(data: Any) -> str:
    """Name the world that data tell of: prices, or a synthetic one without its length."""
    inner = data
    for _ in range(NESTED):
        if isinstance(inner, World):
            names = sorted({part.name for part in fields(inner)} - {"symbols", "sessions"})
            told = ", ".join(f"{name}={canonical(getattr(inner, name))}" for name in names)
            return f"{type(inner).__name__}({told})"
        inner = _held(inner)
    return PRICES


def _held(data: Any) -> Any:
    """Return what a loader takes its bars from, where that is another loader."""
    parts = vars(data).values() if hasattr(data, "__dict__") else ()
    return next((part for part in parts if callable(getattr(part, "load", None))), None)


@dataclass(frozen=True, eq=False)
class Trial:
    """One variant of a study and its out-of-sample result.

    Attributes
    ----------
    hash : str
        Of what the study says and the family of its data: equal studies are one trial, however often they are run,
        and under whatever name.
    family : Family
    study : str
        Its name.
    run : str
        Folder of the run that stands for it, below the record's own: the one whose data reach furthest.
    sharpe_ratio : float
        Annual, of returns beyond cash; NaN where they do not vary, or nothing was traded.
    leaked : bool
        Whether the look-ahead audit found that it was made with knowledge of what came later.
    series : bytes or None
        Its net returns with their times, as `parquet_bytes` writes them; None for a study that only forecasts.
    first, last : str
        ISO times of the first and the last bar on which its result was computed, by any of its runs.
    sealed : str or None
        Where the lockbox began that it opened; None where it opened none.
    seen : str
        When it was first recorded, an ISO time in UTC; empty until it is.
    """

    hash: str
    family: Family
    study: str
    run: str
    sharpe_ratio: float
    leaked: bool
    series: bytes | None
    first: str
    last: str
    sealed: str | None = None
    seen: str = ""

    @property
    def counts(self) -> bool:
        """Whether it counts in N and V: it showed a Sharpe ratio that could have been chosen."""
        return self.sharpe_ratio == self.sharpe_ratio and not self.leaked

    def returns(self) -> pd.Series:
        """Net simple returns out of sample, by time; empty for a study that only forecasts."""
        if self.series is None:
            return pd.Series([], index=pd.DatetimeIndex([]), dtype="float64")
        return pd.read_parquet(io.BytesIO(self.series)).set_index("time")["returns"]


def trial_hash(study: Study, family: Family, sealed: str | None = None) -> str:
    """Hash what makes a variant: the study's canonical form, its data's family, and the lockbox that it opened."""
    told = json.dumps([study.hash, family.hash, sealed])
    return hashlib.sha256(told.encode()).hexdigest()


def series_of(returns: pd.Series | None) -> bytes | None:
    """Write a series of returns as the record keeps it."""
    if returns is None:
        return None
    return parquet_bytes(pd.DataFrame({"time": returns.index, "returns": returns.to_numpy()}))
