"""A store of downloaded bars: every version kept, nothing restated in silence, a whole state at any moment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Final

import pandas as pd

from quantml.bars import Bars
from quantml.canonical import NOT_CANONICAL
from quantml.errors import DataError, ParameterError, check
from quantml.loaders.downloads import Source, no_rows
from quantml.loaders.durable import Durable
from quantml.loaders.manifests import Manifests, Snapshot
from quantml.loaders.panels import Panels, assemble
from quantml.loaders.refreshes import Refresh, end_of, like, refresh, snapshot_of
from quantml.loaders.seen import seen
from quantml.loaders.versions import Versions
from quantml.space import Declaration

__all__ = ["Refresh", "Source", "Store", "Stored"]

NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]*"


def default_folder() -> Path:
    """Return where the store is: ``data/store`` at the top of the current repository, or below the current folder."""
    here = Path.cwd()
    root = next((path for path in (here, *here.parents) if (path / ".git").exists()), here)
    return root / "data" / "store"


class Store:
    """Downloaded bars on disk.

    ::

        STORE/SOURCE/symbols/SYMBOL/*.parquet      what was taken from each download; never changed, never removed
        STORE/SOURCE/quarantine/SYMBOL/*.parquet   what was downloaded and not taken
        STORE/SOURCE/manifests/000001.json ...     which of these count, one file per refresh; the last one stands
        STORE/SOURCE/snapshots/*.json              which of them one study's bars are made of
        STORE/SOURCE/panels/*.parquet              bars already put together; may be deleted

    Any number of processes may refresh and read at once: a state is whole or not there. A process that is killed leaves
    the state before.

    Parameters
    ----------
    folder : path, optional
        ``data/store`` at the top of the current repository by default; made by the first refresh.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = default_folder() if folder is None else Path(folder)

    def __repr__(self) -> str:
        return f"Store({str(self.folder)!r})"

    def refresh(self, source: Source) -> Refresh:
        """Download what is missing of a source's symbols, and compare the last 30 stored bars with what it says now.

        Stored bars are never changed by what a source says later. A split or dividend since then, by which the source
        now quotes earlier bars differently, is recognised, and new bars are stored as they were quoted on their day.
        A newest bar without one of its prices is left out until the source has it whole, and a stored one that lacks
        a price is replaced once it does. Any other difference is quarantined: kept apart, reported, and not merged;
        `renew` takes the source's word.

        A symbol that fails does not stop the others. All that is found is logged as a warning, too.

        Parameters
        ----------
        source : Source

        Returns
        -------
        Refresh

        Raises
        ------
        StorageError
            If the store cannot be written, or the newest manifest cannot be read; it is then as it was.
        """
        return refresh(source, self._files(source))

    def renew(self, source: Source, symbols: Sequence[str] | None = None) -> Refresh:
        """Download the whole history of symbols again and put it in place of what is stored and quarantined.

        This, or ``quantml data pull --renew``, is the way out of a quarantine, once you trust the source's new bars
        more than its old ones. Snapshots taken before keep the old ones.

        Parameters
        ----------
        source : Source
        symbols : sequence of str, optional
            All of the source's by default.

        Raises
        ------
        ParameterError
            If a symbol is not among the source's.
        StorageError
            As in `refresh`.
        """
        chosen = tuple(source.symbols) if symbols is None else tuple(symbols)
        strangers = [symbol for symbol in chosen if symbol not in source.symbols]
        check(not strangers, "symbols", f"be among {', '.join(source.symbols)}", strangers)
        return refresh(source, self._files(source), anew=chosen)

    @seen
    def load(self, source: Source, *, snapshot: str | None = None) -> Bars:
        """Read the newest bars of a source's symbols, or those of a snapshot; the source is not asked.

        Parameters
        ----------
        source : Source
        snapshot : str, optional
            Id, as `snapshot` or a run's manifest gives it. The same id gives the same bars for ever.

        Returns
        -------
        Bars
            From the source's ``start`` to its ``end``, on its ``calendar``.

        Raises
        ------
        DataError
            If a symbol has no bars in the store, the snapshot is not in it or holds other symbols, or bars cannot be
            (a high below a low): see `Bars.from_frame`; `read` shows them as they are.
        StorageError
            If a file is missing, damaged, or of another format version; the text names it.
        """
        return self._bars(self.found(source, snapshot=snapshot))

    def snapshot(self, source: Source, *, as_of: str | pd.Timestamp | None = None) -> str:
        """Keep what the bars of a source's symbols are made of, and return the id that gives them back.

        Parameters
        ----------
        source : Source
        as_of : str or Timestamp, optional
            Of the bars as they were known at this moment, in UTC; of the newest by default.

        Raises
        ------
        DataError
            If a symbol has no bars in the store, or had none then.
        """
        moment = None if as_of is None else like(pd.Timestamp(as_of), pd.Timestamp.now("UTC"))
        return Manifests(self._files(source)).keep(self._newest(source, moment))

    def found(self, source: Source, *, snapshot: str | None = None) -> Snapshot:
        """Say what bars are made of: the newest, or those of a snapshot; raises as `load`."""
        if snapshot is None:
            return self._newest(source)
        return _of_symbols(Manifests(self._files(source)).snapshot(snapshot), snapshot, source)

    def read(self, source: Source, symbol: str) -> pd.DataFrame:
        """Read a symbol's newest rows as they are stored, whether or not they can be bars.

        Returns
        -------
        DataFrame
            Times x open, high, low, close, volume, split, dividend; no rows where nothing is stored.
        """
        return self._rows(source, symbol, "symbols")

    def quarantined(self, source: Source, symbol: str) -> pd.DataFrame:
        """Read a symbol's rows that were downloaded and not taken, as the source gave them; NaN for a bar withdrawn."""
        return self._rows(source, symbol, "quarantine")

    def _newest(self, source: Source, as_of: pd.Timestamp | None = None) -> Snapshot:
        entries = Manifests(self._files(source)).newest(as_of).entries
        newest = snapshot_of(source, entries)
        if newest is None:
            absent = [symbol for symbol in source.symbols if symbol not in entries]
            moment = "" if as_of is None else f" at {as_of:%Y-%m-%d %H:%M} UTC"
            raise DataError("the store", must=f"have bars of every symbol of {source.name}{moment}",
                            got=f"none of {', '.join(absent)}", where=str(self.folder),
                            hint="Refresh it first: quantml data pull.")  # fmt: skip
        return newest

    def _rows(self, source: Source, symbol: str, kind: str) -> pd.DataFrame:
        files = self._files(source)
        entry = Manifests(files).newest().entries.get(symbol)
        if entry is None:
            return no_rows()
        return Versions(files, symbol, kind).bars(entry.version if kind == "symbols" else entry.quarantine)

    def _files(self, source: Source) -> Durable:
        check(re.fullmatch(NAME, source.name) is not None, "a source's name",
              "be made of letters, digits, dots, dashes and underscores", source.name)  # fmt: skip
        return Durable(self.folder / source.name)

    def _bars(self, snapshot: Snapshot) -> Bars:
        files = Durable(self.folder / snapshot.source)
        panels = Panels(files)
        bars = panels.read(snapshot.id)
        if bars is None:
            rows = (_cut(Versions(files, part.symbol).bars(part.version), snapshot, part.symbol)
                    for part in snapshot.symbols)  # fmt: skip
            bars = assemble([part.symbol for part in snapshot.symbols], rows, calendar=snapshot.calendar,
                            periods_per_year=snapshot.periods_per_year, currencies=snapshot.currencies)  # fmt: skip
            panels.write(snapshot.id, bars)
        return bars


def _of_symbols(snapshot: Snapshot, name: str, source: Source) -> Snapshot:
    held = [part.symbol for part in snapshot.symbols]
    if held != list(source.symbols):
        raise DataError(f"snapshot {name}", must="hold the symbols asked for, in their order",
                        got=", ".join(held), where=f"asked for: {', '.join(source.symbols)}")  # fmt: skip
    return snapshot


def _cut(rows: pd.DataFrame, snapshot: Snapshot, symbol: str) -> pd.DataFrame:
    """Leave out what lies before a snapshot's start and after its end."""
    begin, stop = 0, len(rows)
    if snapshot.start is not None:
        begin = int(rows.index.searchsorted(like(snapshot.start, rows.index[0]), side="left"))
    if snapshot.end is not None:
        stop = int(rows.index.searchsorted(end_of(snapshot.end, rows.index[0]), side="right"))
    if begin >= stop:
        raise DataError("the store", must=f"have bars of {symbol} from {snapshot.start or 'its start'} to "
                        f"{snapshot.end or 'its end'}", got=f"{rows.index[0]} to {rows.index[-1]}")  # fmt: skip
    return rows.iloc[begin:stop]


@dataclass(frozen=True)
class Stored(Declaration):
    """A source whose bars go through the store: the loader of a study that trades on downloaded data.

    Without a snapshot, `load` refreshes the store first. Where the source cannot be reached, the last good bars are
    loaded, with a warning that says how old they are.

    Parameters
    ----------
    source : Source
        Such as ``Yahoo(["AAPL", "MSFT"])``.
    folder : path, optional
        The store's; ``data/store`` at the top of the current repository by default.
    snapshot : str, optional
        Id of the bars to load, as a run's manifest names it; the source is not asked then.

    Raises
    ------
    ParameterError
        If `source` is not a source.
    """

    source: Source
    _: KW_ONLY
    # Where bars come from is no part of what a study is: a run's name has the fingerprint of the bars themselves.
    folder: str | Path | None = field(default=None, repr=False, metadata=NOT_CANONICAL)
    snapshot: str | None = field(default=None, repr=False, metadata=NOT_CANONICAL)
    _loaded: Snapshot | None = field(default=None, init=False, repr=False, compare=False)
    _warnings: tuple[str, ...] = field(default=(), init=False, repr=False, compare=False)

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        if not callable(getattr(self.source, "fetch", None)):
            raise ParameterError("Stored.source", must="be a source, with a fetch method", got=self.source)

    @property
    def loaded_snapshot(self) -> str | None:
        """Id of the bars that `load` returned last; None before."""
        return None if self._loaded is None else self._loaded.id

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the refresh before the last `load` found: restatements, quarantines, failures and how old the bars are.

        They are logged, too. `notes` leaves them out, since they change from day to day while the bars do not.
        """
        return self._warnings

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of a report: the source's, when the bars were downloaded, what is in quarantine."""
        own = tuple(getattr(self.source, "notes", ()))
        if self._loaded is None:
            return own
        last, taken = max(part.last for part in self._loaded.symbols), self._loaded.taken
        found = (f"From the store of {self.source.name}, snapshot {self._loaded.id}: bars until {last:%Y-%m-%d}, the"
                 f" newest downloaded on {taken:%Y-%m-%d} at {taken:%H:%M} UTC.")  # fmt: skip
        apart = ", ".join(part.symbol for part in self._loaded.symbols if part.quarantine)
        kept = f"Later downloads disagree with the stored bars of {apart}; they are kept apart in quarantine."
        return (*own, found, kept) if apart else (*own, found)

    @seen
    def load(self) -> Bars:
        """Refresh the store, unless a snapshot is pinned, and read the bars.

        Raises
        ------
        DataError
            If a symbol has no bars in the store and the source gives none: the source's own words; Unreachable where
            it did not answer. See also `Store.load`.
        StorageError
            If the store cannot be read or written; the text names the file.
        """
        store, name = Store(self.folder), self.snapshot
        warnings: tuple[str, ...] = ()
        if name is None:
            refreshed = store.refresh(self.source)
            if refreshed.missing:
                raise refreshed.failed[refreshed.missing[0]]
            name, warnings = refreshed.snapshot, refreshed.sentences
        found = store.found(self.source, snapshot=name)
        bars = store.load(self.source, snapshot=name)
        object.__setattr__(self, "_loaded", found)
        object.__setattr__(self, "_warnings", warnings)
        return bars
