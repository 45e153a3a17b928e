"""What a store holds of one source: numbered manifests, of which the last one counts, and snapshots that runs pin.

A refresh writes its versions first. Its manifest, which names them, then takes the next number: in that one step the
store goes from one whole state to the next. Of two processes that want the same number one fails, reads what the other
has written, and settles its downloads on that. Manifests stay: they are the log of all refreshes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd

from quantml.calendars import Calendar
from quantml.errors import DataError, StorageError
from quantml.loaders.downloads import Quotation
from quantml.loaders.durable import FORMAT, Durable, read_json
from quantml.loaders.restatements import Kind, Restatement
from quantml.storage import json_bytes

DIGITS: Final = 16


@dataclass(frozen=True)
class Entry:
    """What a store holds of one symbol.

    Attributes
    ----------
    version, quarantine : str
        Hashes of its bars, and of what is kept apart from them; empty where there are none.
    taken : Timestamp
        When the newest of its bars were downloaded, in UTC.
    checked : Timestamp
        When the source last said that there are no others.
    asked : Timestamp or None
        From when on bars were asked for; None for all that there are.
    overlap, last : Timestamp
        Bar from which the next refresh asks again, and last bar.
    restatements : tuple of Restatement
        By which the source quotes bars differently from how they are stored.
    quotation : Quotation
        Currency and calendar, as the source last gave them.
    """

    version: str
    quarantine: str
    taken: pd.Timestamp
    checked: pd.Timestamp
    asked: pd.Timestamp | None
    overlap: pd.Timestamp
    last: pd.Timestamp
    restatements: tuple[Restatement, ...] = ()
    quotation: Quotation = field(default_factory=Quotation)

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> Entry:
        """Read an entry back from JSON."""
        times = {name: _time(held[name]) for name in ("taken", "checked", "asked", "overlap", "last")}
        restatements = tuple(
            Restatement(_time(part["time"]), Kind(part["kind"]), part["price"], part["volume"])
            for part in held["restatements"]
        )
        quotation = Quotation(**held.get("quotation", {}))  # older manifests have none
        return cls(held["version"], held["quarantine"], restatements=restatements, quotation=quotation, **times)


def _time(text: str | None) -> Any:
    return None if text is None else pd.Timestamp(text).as_unit("us")


@dataclass(frozen=True)
class Manifest:
    """One whole state of the store of a source: its number and its symbols."""

    number: int = 0
    entries: Mapping[str, Entry] = field(default_factory=dict)


@dataclass(frozen=True)
class Pinned:
    """The bars of one symbol in a snapshot: see `Entry`."""

    symbol: str
    version: str
    quarantine: str
    taken: pd.Timestamp
    last: pd.Timestamp


@dataclass(frozen=True)
class Snapshot:
    """All that bars are made of: the versions of some symbols, and how they are put on one clock.

    Attributes
    ----------
    source : str
    symbols : tuple of Pinned
        In the order of the bars' columns.
    start, end : Timestamp or None
        First and last date, both included.
    calendar : str, mapping of str to str, or None
    periods_per_year : float or None
    currencies : mapping of str to str, or None
    """

    source: str
    symbols: tuple[Pinned, ...]
    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None
    calendar: Calendar | None = None
    periods_per_year: float | None = None
    currencies: Mapping[str, str] | None = None

    @property
    def content(self) -> bytes:
        """The bytes of its file."""
        return json_bytes({"format": FORMAT, **asdict(self)})

    @property
    def id(self) -> str:
        """Name of the snapshot: the beginning of its content's SHA-256."""
        return hashlib.sha256(self.content).hexdigest()[:DIGITS]

    @property
    def taken(self) -> pd.Timestamp:
        """When the newest of its bars were downloaded."""
        return max(pinned.taken for pinned in self.symbols)


@dataclass(frozen=True)
class Manifests:
    """The manifests and snapshots of a source.

    Parameters
    ----------
    files : Durable
        The source's folder.
    """

    files: Durable

    def newest(self, as_of: pd.Timestamp | None = None) -> Manifest:
        """Read the state that counts, or that counted at a moment; an empty one where there was none yet.

        Raises
        ------
        StorageError
            If its file is damaged, or of another format version.
        """
        numbers = [int(path.stem) for path in self._folder.glob("*.json") if path.stem.isdigit()]
        for number in sorted(numbers, reverse=True):
            path = self._path(number)
            hint = "Restore it from a copy, or remove it: the store is then as before that refresh."
            held = read_json(path, _bytes(path, hint), hint)
            if as_of is None or _time(held["written"]) <= as_of:
                return Manifest(number, {name: Entry.from_dict(entry) for name, entry in held["symbols"].items()})
        return Manifest()

    def follow(self, before: Manifest, entries: Mapping[str, Entry]) -> bool:
        """Put `entries` in place of `before`; False, with nothing changed, if another process was faster."""
        symbols = {name: asdict(entry) for name, entry in entries.items()}
        content = json_bytes({"format": FORMAT, "written": pd.Timestamp.now("UTC"), "symbols": symbols})
        return self.files.create(self._path(before.number + 1), content)

    def keep(self, snapshot: Snapshot) -> str:
        """Write a snapshot's file and return its id."""
        self.files.write(self._snapshot_path(snapshot.id), snapshot.content)
        return snapshot.id

    def snapshot(self, name: str) -> Snapshot:
        """Read the snapshot of an id.

        Raises
        ------
        DataError
            If there is none.
        StorageError
            If its file is damaged, or of another format version.
        """
        path = self._snapshot_path(name)
        if not re.fullmatch(f"[0-9a-f]{{{DIGITS}}}", name) or not path.is_file():
            raise DataError("a snapshot", must="be in the store", got=name, where=str(self.files.folder),
                            hint="Give the folder of the store that it was taken from.")  # fmt: skip
        hint = "Restore it from a copy."
        content = _bytes(path, hint)
        held = read_json(path, content, hint)
        if hashlib.sha256(content).hexdigest()[:DIGITS] != name:
            raise StorageError(f"{path}", must="hold what was stored in it", got="other bytes", hint=hint)
        return _snapshot(held)

    @property
    def _folder(self) -> Path:
        return self.files.folder / "manifests"

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.json"

    def _snapshot_path(self, name: str) -> Path:
        return self.files.folder / "snapshots" / f"{name}.json"


def _bytes(path: Path, hint: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path}", must="be readable", got=str(error), hint=hint) from error


def _snapshot(held: Mapping[str, Any]) -> Snapshot:
    symbols = tuple(
        Pinned(part["symbol"], part["version"], part["quarantine"], _time(part["taken"]), _time(part["last"]))
        for part in held["symbols"]
    )
    plain = {name: held[name] for name in ("source", "calendar", "periods_per_year", "currencies")}
    return Snapshot(symbols=symbols, start=_time(held["start"]), end=_time(held["end"]), **plain)
