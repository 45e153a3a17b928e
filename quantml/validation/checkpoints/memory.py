"""What the work of one fold recalls instead of making it again, and what it makes anew."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar, cast

import numpy as np

from quantml.validation.messages import collected_warnings, tell_again

Made = TypeVar("Made")
PAUSE: Final = 1.0
"""Seconds between two times that a fold in the calling process hands over what it made."""
MOST: Final = 256_000_000
"""Bytes of candidates' forecasts that a fold in another process brings back to be kept at most."""


class Ground(Enum):
    """Which parts of a study kept work hangs on."""

    FITS = "fits"
    """What the study's forecaster said: nothing of the signal, of costs or of tuning."""
    BASELINE = "baseline"
    """What the baseline said: nothing of the forecaster either."""
    TRADES = "trades"
    """Scores of simulated trades: the whole study."""


class Kind(Enum):
    """What is kept."""

    VALIDATED = "validated"
    """A candidate's forecasts of an inner fold."""
    TESTED = "tested"
    """A chosen candidate's forecasts of the test block, and of what follows, and the number of its training rows."""
    TESTED_INSIDE = "tested inside"
    """The same, and its forecasts of its training rows, where these are scored."""
    BASELINE = "baseline"
    """The baseline's forecasts of the test block."""
    SCORE = "score"
    """A candidate's score inside a fold."""
    IN_SAMPLE = "in sample"
    """The chosen candidate's score on its training window."""

    @property
    def ground(self) -> Ground:
        """What it hangs on."""
        if self in (Kind.SCORE, Kind.IN_SAMPLE):
            return Ground.TRADES
        return Ground.BASELINE if self is Kind.BASELINE else Ground.FITS


def key_of(kind: Kind, rows: Iterable[str], candidate: Sequence[tuple[str, str]]) -> str:
    """Name one piece of work among those of its fold and ground: on which rows, and with which values.

    Parameters
    ----------
    kind : Kind
    rows : iterable of str
        Digests of the folds that it was made on.
    candidate : sequence of (str, str)
        Paths of search spaces with their values in canonical form.
    """
    return hashlib.sha256(repr((kind.value, *rows, *candidate)).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Entry:
    """One piece of kept work.

    Attributes
    ----------
    ground : Ground
    key : str
        Which work it is, among those of its fold and ground.
    made : object
        Blocks, numbers, or a tuple of them.
    warned : tuple of str
        What was logged as a warning while it was made.
    """

    ground: Ground
    key: str
    made: Any
    warned: tuple[str, ...] = ()


class Memory:
    """What one fold's work has at hand.

    Parameters
    ----------
    known : iterable of Entry
        What was kept of earlier work.
    keep : callable, optional
        Takes in what was made so far, about every second; a memory that travels to another process leaves it behind.
    """

    def __init__(self, known: Iterable[Entry] = (), keep: Callable[[Sequence[Entry]], None] | None = None) -> None:
        self._known = {entry.key: entry for entry in known}
        self._made: list[Entry] = []
        self._bytes = 0
        self._keep = keep
        self._kept_at = time.monotonic()

    def recall(self, kind: Kind, key: str, make: Callable[[], Made]) -> Made:
        """Return what is known under a key, telling again what was warned of then; make and note it if nothing is."""
        entry = self._known.get(key)
        if entry is not None:
            tell_again(entry.warned)
            return cast(Made, entry.made)
        with collected_warnings() as warned:
            made = make()
        if self._has_room(kind, made):
            self._note(Entry(kind.ground, key, made, tuple(warned)))
        return made

    def _has_room(self, kind: Kind, made: Any) -> bool:
        """Count the forecasts of candidates, of which there may be many; where they are written here there is room."""
        if kind is not Kind.VALIDATED or self._keep is not None:
            return True
        self._bytes += sum(part.nbytes for part in vars(made).values() if isinstance(part, np.ndarray))
        return self._bytes <= MOST

    def _note(self, entry: Entry) -> None:
        self._made.append(entry)
        if self._keep is not None and time.monotonic() - self._kept_at > PAUSE:
            self._hand_over()

    def take_made(self) -> tuple[Entry, ...]:
        """Return what was made and not handed over, once."""
        made, self._made = tuple(self._made), []
        return made

    @contextmanager
    def kept_when_stopped(self) -> Iterator[None]:
        """Hand over what was made where work is interrupted, though not where it fails: bad input writes nothing."""
        try:
            yield
        except Exception:
            raise
        except BaseException:
            if self._keep is not None:
                self._hand_over()
            raise

    def _hand_over(self) -> None:
        assert self._keep is not None
        self._keep(self.take_made())
        self._kept_at = time.monotonic()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_keep": None}
