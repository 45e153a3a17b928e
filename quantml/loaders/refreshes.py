"""One refresh of a store: ask for what is missing, settle it on what is stored, go to the next state in one step."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from quantml.calendars import RESOLUTION
from quantml.errors import DataError, InputError, StorageError, Unreachable
from quantml.loaders.dates import age
from quantml.loaders.downloads import Quotation, Source, finished_rows, known_of, no_rows, read_download
from quantml.loaders.durable import Durable
from quantml.loaders.manifests import Entry, Manifest, Manifests, Pinned, Snapshot
from quantml.loaders.restatements import Settlement, settle
from quantml.loaders.versions import Versions

LOG: Final = logging.getLogger("quantml.loaders")

OVERLAP: Final = 30
"""How many of the stored bars a refresh asks for again."""

WAY_OUT: Final = "Store.renew, or quantml data pull --renew, puts the source's bars in place of the stored ones."

PATIENCE: Final = 3
"""After so many symbols in a row for which a source cannot be reached, it is not asked for the rest."""


@dataclass(frozen=True, eq=False)
class Refresh:
    """What one refresh found.

    Attributes
    ----------
    source : str
    snapshot : str or None
        Id of the bars as they are now; None while a symbol has none.
    missing : tuple of str
        Symbols that have none.
    fetched : DataFrame
        One row per symbol that the source answered for: symbol, first and last bar, rows downloaded, rows taken.
    restated : DataFrame
        One row per split or dividend that was recognised: symbol, time, kind, the factors on prices and volumes by
        which the source now quotes every earlier bar, and the whole in words.
    quarantined : DataFrame
        One row per number that differs from the stored one and was not taken: symbol, time, field, stored, downloaded.
    failed : mapping of str to InputError
        By symbol, why the source or the store gave nothing; bars stored before stay as they are.
    sentences : tuple of str
        What a reader should know: restatements, quarantines, failures, and how old the bars then are.
    """

    source: str
    snapshot: str | None
    missing: tuple[str, ...]
    fetched: pd.DataFrame
    restated: pd.DataFrame
    quarantined: pd.DataFrame
    failed: Mapping[str, InputError]
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Download:
    """What a source gave for one symbol.

    Attributes
    ----------
    symbol : str
    rows : DataFrame
        At least one.
    taken : Timestamp
        When it was asked, in UTC.
    start : Timestamp or None
        From when on it was asked; None for all that there is.
    anew : bool
        Whether it takes the place of what is stored.
    quotation : Quotation or None
        Currency and calendar; None where the source does not say.
    unfinished : Timestamp or None
        Time of a newest bar that lacks a price and was left out.
    """

    symbol: str
    rows: pd.DataFrame
    taken: pd.Timestamp
    start: pd.Timestamp | None
    anew: bool
    quotation: Quotation | None
    unfinished: pd.Timestamp | None = None


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What a download has become: the symbol's new entry, and what was found on the way to it."""

    download: Download
    entry: Entry
    settlement: Settlement
    is_news: bool  # whether rows were quarantined that were not before

    @property
    def sentences(self) -> list[str]:
        symbol, settlement = self.download.symbol, self.settlement
        found = [f"{symbol}: {part}, recognised." for part in settlement.restatements]
        if self.download.unfinished is not None:
            found.append(f"{symbol}: the bar of {self.download.unfinished:%Y-%m-%d} lacks a price and is left out until"
                         " the source has it whole.")  # fmt: skip
        if self.is_news:
            found.append(f"{symbol}: {settlement.reason}; what was downloaded is kept apart in quarantine. {WAY_OUT}")
        return found


def refresh(source: Source, files: Durable, *, anew: Collection[str] = ()) -> Refresh:
    """Bring what is stored of a source up to date, all symbols in one step.

    Parameters
    ----------
    source : Source
    files : Durable
        The source's folder.
    anew : collection of str
        Symbols whose whole history is downloaded again, in place of what is stored.

    Raises
    ------
    StorageError
        If the store cannot be written, or its manifest cannot be read; it is then as it was.
    """
    manifests = Manifests(files)
    files.sweep()
    downloads, failed = _ask(source, files, manifests.newest(), anew)
    while True:
        before = manifests.newest()
        outcomes, damaged = _settle_all(files, downloads, before)
        entries = {**before.entries, **{part.download.symbol: part.entry for part in outcomes}}
        # Refused if another process has gone first: what it stored is then what these downloads are settled on.
        if not outcomes or manifests.follow(before, entries):
            break
    kept = snapshot_of(source, entries)
    name = None if kept is None else manifests.keep(kept)
    return _report(source, name, outcomes, {**failed, **damaged}, entries)


def wanted(source: Source, name: str) -> pd.Timestamp | None:
    """Return a source's ``start`` or ``end``, where it has one."""
    given = getattr(source, name, None)
    return None if given is None else pd.Timestamp(given).as_unit(RESOLUTION)


def like(moment: pd.Timestamp, other: pd.Timestamp) -> pd.Timestamp:
    """Return a moment in the time zone of another, so that the two compare; without one it is taken as UTC."""
    if (moment.tz is None) == (other.tz is None):
        return moment
    return moment.tz_localize("UTC") if moment.tz is None else moment.tz_convert("UTC").tz_localize(None)


def snapshot_of(source: Source, entries: Mapping[str, Entry]) -> Snapshot | None:
    """Say what the bars of a source's symbols are made of; None while one of them has none."""
    if any(symbol not in entries for symbol in source.symbols):
        return None
    held = [(symbol, entries[symbol]) for symbol in source.symbols]
    known = known_of({symbol: entry.quotation for symbol, entry in held})
    calendar, currencies = (getattr(source, name, None) for name in ("calendar", "currencies"))
    return Snapshot(
        source=source.name,
        symbols=tuple(Pinned(name, part.version, part.quarantine, part.taken, part.last) for name, part in held),
        start=wanted(source, "start"),
        end=wanted(source, "end"),
        calendar=_sorted(known.calendar if calendar is None else calendar),
        periods_per_year=getattr(source, "periods_per_year", None),
        currencies=_sorted(known.currencies if currencies is None else currencies),
    )


def _sorted(declared: Any) -> Any:
    """Return a mapping as it comes back from its file, so that it makes the same bars before and after."""
    return dict(sorted(declared.items())) if isinstance(declared, Mapping) else declared


def end_of(day: pd.Timestamp, other: pd.Timestamp) -> pd.Timestamp:
    """Return the last moment of a date, in the time zone of another one: a date includes its intraday bars."""
    moment = like(day, other)
    is_date = moment.tz is not None and moment == moment.normalize()
    return moment + pd.Timedelta(days=1, microseconds=-1) if is_date else moment


# ---------------------------------------------------------------------- asking


def _ask(
    source: Source, files: Durable, manifest: Manifest, anew: Collection[str]
) -> tuple[list[Download], dict[str, InputError]]:
    """Download, symbol by symbol, what is missing and the overlap; nothing is written."""
    downloads: list[Download] = []
    failed: dict[str, InputError] = {}
    silence: list[Unreachable] = []
    for symbol in source.symbols:
        entry = manifest.entries.get(symbol)
        again = symbol in anew or (entry is not None and _is_gone(files, symbol))
        if not again and entry is not None and not _is_missing(source, entry):
            continue
        try:
            if len(silence) >= PATIENCE:
                raise silence[-1]
            downloads.append(_download(source, symbol, None if again else entry, again))
            silence.clear()
        except Unreachable as error:
            failed[symbol] = error
            silence.append(error)
        except DataError as error:
            failed[symbol] = error
    return downloads, failed


def _is_gone(files: Durable, symbol: str) -> bool:
    gone = not Versions(files, symbol).folder.is_dir()
    if gone:
        LOG.warning("The folder of %s is gone from the store; its whole history is downloaded again.", symbol)
    return gone


def _is_missing(source: Source, entry: Entry) -> bool:
    end = wanted(source, "end")
    return end is None or end_of(end, entry.last) > entry.last or _begins_earlier(source, entry)


def _begins_earlier(source: Source, entry: Entry) -> bool:
    start = wanted(source, "start")
    return entry.asked is not None and (start is None or start < entry.asked)


def _download(source: Source, symbol: str, entry: Entry | None, anew: bool) -> Download:
    start, end = wanted(source, "start"), wanted(source, "end")
    if entry is not None:
        start = start if _begins_earlier(source, entry) else entry.overlap
        end = entry.last if end is not None and end_of(end, entry.last) < entry.last else end
    taken = _now()  # before the question, so that of two downloads the newer one has seen more
    told = read_download(source.fetch(symbol, start=start, end=end), symbol)
    rows = finished_rows(told)
    if len(rows) == 0:
        since = "at all" if start is None else f"since {start:%Y-%m-%d}"
        raise DataError(f"{source.name}", must=f"have bars of {symbol}", got=f"none {since}")
    quotation = getattr(source, "quotations", {}).get(symbol)
    return Download(symbol, rows, taken, start, anew, quotation, told.index[-1] if len(rows) < len(told) else None)


def _now() -> pd.Timestamp:
    return pd.Timestamp.now("UTC").as_unit(RESOLUTION)


# -------------------------------------------------------------------- settling


def _settle_all(
    files: Durable, downloads: list[Download], manifest: Manifest
) -> tuple[list[_Outcome], dict[str, InputError]]:
    outcomes: list[_Outcome] = []
    damaged: dict[str, InputError] = {}
    for download in downloads:
        entry = None if download.anew else manifest.entries.get(download.symbol)
        if entry is not None and entry.checked >= download.taken:
            continue  # another process has asked later
        try:
            held = _Held.of(files, download.symbol, entry)
            settlement = _settle(held, download)
        except (DataError, StorageError) as error:
            damaged[download.symbol] = error
        else:
            outcomes.append(_keep(files, held, download, settlement))
    return outcomes, damaged


@dataclass(frozen=True, eq=False)
class _Held:
    """What is stored of a symbol: its entry, its bars and its quarantine."""

    entry: Entry | None
    bars: pd.DataFrame
    apart: pd.DataFrame

    @classmethod
    def of(cls, files: Durable, symbol: str, entry: Entry | None) -> _Held:
        if entry is None:
            return cls(None, no_rows(), no_rows())
        apart = Versions(files, symbol, "quarantine").bars(entry.quarantine)
        return cls(entry, Versions(files, symbol).bars(entry.version), apart)


def _settle(held: _Held, download: Download) -> Settlement:
    if held.entry is None:
        return Settlement(taken=download.rows, quarantined=download.rows[:0], differences=pd.DataFrame())
    start, bars = download.start, held.bars
    repeated = bars if start is None else bars[bars.index >= like(start, bars.index[0])]
    if download.unfinished is not None and len(repeated) > 1:
        repeated = repeated[repeated.index < download.unfinished]  # stored whole, it is not withdrawn by half a bar
    return settle(repeated, download.rows, held.entry.restatements)


def _keep(files: Durable, held: _Held, download: Download, settlement: Settlement) -> _Outcome:
    """Write what was taken and what was not, and make the entry that names it."""
    before, taken = held.entry, settlement.taken
    version, quarantine = ("", "") if before is None else (before.version, before.quarantine)
    if len(taken):
        version = Versions(files, download.symbol).append(taken, version)
    apart = _unseen(settlement.quarantined, held.apart)
    if len(apart):
        quarantine = Versions(files, download.symbol, "quarantine").append(apart, quarantine)
    times = taken.index if before is None else held.bars.index.union(taken.index)
    entry = Entry(
        version=version,
        quarantine=quarantine,
        taken=download.taken if before is None or len(taken) else before.taken,
        checked=download.taken,
        asked=download.start if before is None else _earlier(before.asked, download.start),
        overlap=times[-min(OVERLAP, len(times))],
        last=times[-1],
        restatements=settlement.standing,
        quotation=download.quotation or (Quotation() if before is None else before.quotation),
    )
    return _Outcome(download, entry, settlement, is_news=len(apart) > 0)


def _unseen(rows: pd.DataFrame, seen: pd.DataFrame) -> pd.DataFrame:
    """Leave out rows that are in quarantine already: they come again while they are in the overlap."""
    if seen.empty:
        return rows
    common = rows.index.intersection(seen.index)
    old, new = seen.loc[common], rows.loc[common]
    return rows.drop(common[((old == new) | (old.isna() & new.isna())).all(axis=1)])


def _earlier(one: pd.Timestamp | None, other: pd.Timestamp | None) -> pd.Timestamp | None:
    return None if one is None or other is None else min(one, like(other, one))


# ------------------------------------------------------------------- reporting


def _report(
    source: Source,
    snapshot: str | None,
    outcomes: list[_Outcome],
    failed: Mapping[str, InputError],
    entries: Mapping[str, Entry],
) -> Refresh:
    sentences = [sentence for part in outcomes for sentence in part.sentences]
    sentences += _failures(source.name, failed, entries)
    for sentence in sentences:
        LOG.warning("%s: %s", source.name, sentence)
    fetched = [
        (part.download.symbol, part.download.rows.index[0], part.download.rows.index[-1], len(part.download.rows),
         len(part.settlement.taken)) for part in outcomes
    ]  # fmt: skip
    restated = [
        (part.download.symbol, found.time, str(found.kind), found.price, found.volume, str(found))
        for part in outcomes
        for found in part.settlement.restatements
    ]
    differing = [
        part.settlement.differences.assign(symbol=part.download.symbol) for part in outcomes if part.settlement.reason
    ]
    nothing = pd.DataFrame(columns=["symbol", "time", "field", "stored", "downloaded"])
    return Refresh(
        source=source.name,
        snapshot=snapshot,
        missing=tuple(symbol for symbol in source.symbols if symbol not in entries),
        fetched=pd.DataFrame(fetched, columns=["symbol", "first", "last", "rows", "taken"]),
        restated=pd.DataFrame(restated, columns=["symbol", "time", "kind", "price", "volume", "told"]),
        quarantined=pd.concat(differing, ignore_index=True)[list(nothing.columns)] if differing else nothing,
        failed=dict(failed),
        sentences=tuple(sentences),
    )


def _failures(name: str, failed: Mapping[str, InputError], entries: Mapping[str, Entry]) -> list[str]:
    """Say what failed, the symbols that a source was silent about in one sentence, and how old their bars are."""
    silent = [symbol for symbol, error in failed.items() if isinstance(error, Unreachable)]
    sentences = [
        f"{symbol}: {error}{_as_of([symbol], entries)}" for symbol, error in failed.items() if symbol not in silent
    ]
    if silent:
        sentences.append(f"no answer for {', '.join(silent)}: {failed[silent[0]]}{_as_of(silent, entries)}")
    return sentences


def _as_of(symbols: Sequence[str], entries: Mapping[str, Entry]) -> str:
    held = [entries[symbol] for symbol in symbols if symbol in entries]
    if not held:
        return ""
    checked, last = min(entry.checked for entry in held), min(entry.last for entry in held)
    return (f" The bars until {last:%Y-%m-%d} stand, as of {checked:%Y-%m-%d %H:%M} UTC,"
            f" {age(_now() - checked)} ago.")  # fmt: skip
