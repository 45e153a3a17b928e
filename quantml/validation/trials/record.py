"""The record of trials: one SQLite file beside the runs, written by any number of processes."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from quantml.errors import StorageError
from quantml.source import cause_of
from quantml.validation.trials.trial import Family, Trial

FORMAT: Final = 1
"""Version of the record's tables; written into the file, checked whenever it is opened."""
NAME: Final = "trials.sqlite"
PATIENCE: Final = 30.0
"""Seconds to wait while another process writes."""
LOG: Final = logging.getLogger("quantml.validation.trials")

_TABLES: Final = sa.MetaData()
_FAMILIES: Final = sa.Table(
    "families", _TABLES,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("world", sa.Text, nullable=False),
    sa.Column("symbols", sa.Text, nullable=False),
)  # fmt: skip
_TRIALS: Final = sa.Table(
    "trials", _TABLES,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("family", sa.Text, sa.ForeignKey("families.hash"), nullable=False),
    sa.Column("study", sa.Text, nullable=False),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("sharpe_ratio", sa.Float),
    sa.Column("leaked", sa.Boolean, nullable=False),
    sa.Column("series", sa.LargeBinary),
    sa.Column("first", sa.Text, nullable=False),
    sa.Column("last", sa.Text, nullable=False),
    sa.Column("sealed", sa.Text),
    sa.Column("seen", sa.Text, nullable=False),
)  # fmt: skip
_OPENINGS: Final = sa.Table(
    "openings", _TABLES,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("trial", sa.Text, sa.ForeignKey("trials.hash"), nullable=False),
    sa.Column("opened", sa.Text, nullable=False),
)  # fmt: skip
_LISTED: Final = [column for column in _TRIALS.c if column.name != "series"]
_RESULT: Final = ("study", "run", "sharpe_ratio", "leaked", "series")
"""What a run shows of its trial; that of the run which stands for it is kept."""


@dataclass(frozen=True)
class Standing:
    """What the record says of a trial at the moment at which it was recorded.

    Attributes
    ----------
    trials : tuple of Trial
        Those that it is one of, itself included, without their series: of its family or one related to it; of an
        opened lockbox those that saw a part of its stretch.
    looks : tuple of str
        Of an opened lockbox, who had seen its stretch before, a sentence each.
    """

    trials: tuple[Trial, ...]
    looks: tuple[str, ...] = ()

    @property
    def sharpe_ratios(self) -> tuple[float, ...]:
        """Annual Sharpe ratios of the trials that count."""
        return tuple(trial.sharpe_ratio for trial in self.trials if trial.counts)

    @property
    def hash(self) -> str:
        """SHA-256 of the trials' hashes and Sharpe ratios; when they were seen does not matter."""
        told = sorted((trial.hash, repr(trial.sharpe_ratio), trial.leaked) for trial in self.trials)
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


class TrialRecord:
    """Every trial of a folder of runs, in ``trials.sqlite`` in it.

    A trial is recorded once, by its hash. Where it is run again on data that have grown, the bars that any of its runs
    saw are its span, and the run whose data reach furthest stands for it. Any number of processes may record at once;
    a process that is killed leaves the state before or after, never one between.

    Parameters
    ----------
    folder : path
        Of the runs.
    patience : float
        Seconds to wait while another process writes.
    """

    def __init__(self, folder: str | Path, *, patience: float = PATIENCE) -> None:
        self.path = Path(folder) / NAME
        self.patience = patience

    def check(self) -> None:
        """Raise before any work where a trial could not be recorded later; nothing is created.

        Raises
        ------
        StorageError
            If there is a record that is damaged or of another format version.
        """
        with self._reading() as connection:
            if connection is not None:
                _listed(connection), _openings(connection)

    def add(self, trial: Trial) -> Standing:
        """Record a trial, or what more it has seen by now, and say what it is one of.

        Raises
        ------
        StorageError
            If the record cannot be written, is damaged or of another format version.
        """
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        with self._writing() as connection:
            family = {"hash": trial.family.hash, "world": trial.family.world,
                      "symbols": json.dumps(trial.family.symbols)}  # fmt: skip
            connection.execute(insert(_FAMILIES).values(family).on_conflict_do_nothing())
            _take_in(connection, _row(trial, now))
            standing = _standing(connection, trial)
            if trial.sealed is not None:
                connection.execute(insert(_OPENINGS).values(trial=trial.hash, opened=now))
        for look in standing.looks:
            LOG.warning("%s", look)
        return standing

    def trials(self) -> list[Trial]:
        """List the trials without their series, the first seen first; none where there is no record.

        Raises
        ------
        StorageError
            If the record cannot be read, is damaged or of another format version.
        """
        with self._reading() as connection:
            return [] if connection is None else _listed(connection)

    def openings(self) -> list[dict[str, str]]:
        """List the openings of lockboxes in their order: trial, study, sealed, last and opened.

        Raises
        ------
        StorageError
            As in `trials`.
        """
        with self._reading() as connection:
            return [] if connection is None else _openings(connection)

    def returns(self, trial: Trial) -> Any:
        """Read the series of a listed trial: net simple returns by time.

        Raises
        ------
        StorageError
            As in `trials`.
        """
        with self._reading() as connection:
            query = sa.select(_TRIALS.c.series).where(_TRIALS.c.hash == trial.hash)
            series = None if connection is None else connection.execute(query).scalar_one()
            with _damage_named(f"the series of the trial {trial.hash[:12]}"):
                return replace(trial, series=series).returns()

    # ------------------------------------------------------------ connections

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection | None]:
        """Open the record to read it; None where there is none."""
        if not self.path.exists():
            yield None
            return
        with self._connected("rw", "BEGIN") as connection:  # so that what a killed process began can be undone
            if begun := bool(sa.inspect(connection).get_table_names()):
                self._check_format(connection)
            yield connection if begun else None

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """Open the record to write it, alone; all that is written is committed at the end, or nothing."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._error(error) from error
        with self._connected("rwc", "BEGIN IMMEDIATE") as connection:
            if not sa.inspect(connection).get_table_names():
                _TABLES.create_all(connection)
                connection.exec_driver_sql(f"PRAGMA user_version = {FORMAT}")
            self._check_format(connection)
            yield connection

    @contextmanager
    def _connected(self, mode: str, begin: str) -> Iterator[sa.Connection]:
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        engine = sa.create_engine("sqlite://", poolclass=NullPool, creator=lambda: sqlite3.connect(
            uri, uri=True, timeout=self.patience, isolation_level=None))  # fmt: skip
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        try:
            with engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, _Damaged) as error:
            raise self._error(getattr(error, "orig", None) or error) from error
        finally:
            engine.dispose()

    def _check_format(self, connection: sa.Connection) -> None:
        found = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if found != FORMAT:
            hint = "Another version of quantml wrote it, or another program: use that one, or move the file away."
            must = f"have format version {FORMAT}"
            raise StorageError("the record of trials", must, got=found, where=str(self.path), hint=hint)

    def _error(self, error: BaseException) -> StorageError:
        busy = "locked" in str(error)
        hint = "Another process is writing it: run again." if busy else "Move the file away; a copy may be kept."
        must = "be readable and writable"
        return StorageError("the record of trials", must, got=str(error), where=str(self.path), hint=hint)


# ------------------------------------------------------------ rows


class _Damaged(Exception):
    """What lies in the record is not what is written there; the text says where."""


@contextmanager
def _damage_named(where: str) -> Iterator[None]:
    """Name what cannot be read, whatever is made of it."""
    try:
        yield
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise _Damaged(f"{where} cannot be read: {cause_of(error)}") from error


def _row(trial: Trial, now: str) -> dict[str, Any]:
    plain = {column.name: getattr(trial, column.name) for column in _TRIALS.c}
    ratio = trial.sharpe_ratio if trial.sharpe_ratio == trial.sharpe_ratio else None
    return plain | {"family": trial.family.hash, "sharpe_ratio": ratio, "seen": now}


def _take_in(connection: sa.Connection, row: dict[str, Any]) -> None:
    """Write a trial down; of one that is there, widen the span, and keep the result whose data reach furthest."""
    same = _TRIALS.c.hash == row["hash"]
    known = connection.execute(sa.select(_TRIALS.c.first, _TRIALS.c.last).where(same)).one_or_none()
    if known is None:
        connection.execute(insert(_TRIALS).values(row))
        return
    with _damage_named(f"the trial {row['hash'][:12]}"):
        _check_texts(known._asdict())
    is_longer = row["last"] > known.last or (row["last"] == known.last and row["first"] < known.first)
    result = {name: row[name] for name in _RESULT} if is_longer else {}
    span = {"first": min(row["first"], known.first), "last": max(row["last"], known.last)}
    connection.execute(sa.update(_TRIALS).where(same).values(**result, **span))


def _listed(connection: sa.Connection) -> list[Trial]:
    families = {row.hash: _family(row) for row in connection.execute(sa.select(_FAMILIES))}
    query = sa.select(*_LISTED).order_by(_TRIALS.c.seen, _TRIALS.c.hash)
    with _damage_named("a trial"):
        rows = [row._asdict() for row in connection.execute(query)]
    return [_trial(row, families) for row in rows]


def _family(row: sa.Row[Any]) -> Family:
    with _damage_named(f"the family {str(row.hash)[:12]}"):
        symbols = json.loads(row.symbols)
        if not (isinstance(symbols, list) and all(isinstance(part, str) for part in symbols)):
            raise TypeError(f"symbols are {row.symbols}")
        return Family(row.world, tuple(symbols))


def _trial(row: dict[str, Any], families: dict[str, Family]) -> Trial:
    with _damage_named(f"the trial {str(row['hash'])[:12]}"):
        _check_texts(row)
        ratio = float("nan") if row["sharpe_ratio"] is None else float(row["sharpe_ratio"])
        return Trial(**{**row, "family": families[row["family"]], "sharpe_ratio": ratio, "series": None})


def _openings(connection: sa.Connection) -> list[dict[str, str]]:
    columns = (_OPENINGS.c.trial, _TRIALS.c.study, _TRIALS.c.run, _TRIALS.c.sealed, _TRIALS.c.last, _OPENINGS.c.opened)
    query = sa.select(*columns).join(_TRIALS).order_by(_OPENINGS.c.number)
    rows = [dict(row._mapping) for row in connection.execute(query)]
    for row in rows:
        with _damage_named(f"an opening by the trial {str(row['trial'])[:12]}"):
            _check_texts(row)
    return rows


def _check_texts(row: Mapping[str, Any]) -> None:
    """Raise unless every cell that holds a text does."""
    texts = {column.name for table in _TABLES.tables.values() for column in table.c if isinstance(column.type, sa.Text)}
    for name in texts & set(row):
        if not (isinstance(row[name], str) or (name == "sealed" and row[name] is None)):
            raise TypeError(f"{name} is {row[name]!r}")


def _standing(connection: sa.Connection, trial: Trial) -> Standing:
    related = [other for other in _listed(connection) if other.family.is_related(trial.family)]
    if trial.sealed is None:
        return Standing(tuple(related))
    saw = tuple(other for other in related if other.last >= trial.sealed and other.first <= trial.last)
    openings = [row for row in _openings(connection) if row["trial"] in {other.hash for other in saw}]
    return Standing(saw, _looks(trial, saw, openings))


def _looks(trial: Trial, saw: Sequence[Trial], openings: Sequence[dict[str, str]]) -> tuple[str, ...]:
    """Say who had seen the stretch of a lockbox before."""
    stretch = f"what lies from {str(trial.sealed)[:10]} to {trial.last[:10]}"
    opened = [
        f"Lockbox: {stretch} was opened before, on {row['opened'][:10]} by {row['study']} (run {row['run']}): it is no"
        " fresh test any more."
        for row in openings
    ]
    others = [other for other in saw if other.sealed is None]
    if others:
        first = others[0]
        opened.append(
            f"Lockbox: {len(others)} of the trials on record had seen a part of it without opening it, among them"
            f" {first.study} (run {first.run}), on record since {first.seen[:10]}."
        )
    return tuple(opened)
