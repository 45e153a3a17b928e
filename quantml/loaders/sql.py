"""Bars from a database, through SQLAlchemy."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from quantml.bars import Bars
from quantml.calendars import Calendar
from quantml.canonical import NOT_CANONICAL
from quantml.errors import DataError, MissingExtra, Unreachable, check
from quantml.loaders.files.cells import Cells, Csv
from quantml.loaders.files.columns import check_told
from quantml.loaders.files.loader import check_date
from quantml.loaders.files.reading import Reading
from quantml.loaders.files.times import Sessions, Times
from quantml.loaders.seen import seen
from quantml.space import Declaration

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine, TextClause

__all__ = ["Sql"]

READ_ONLY: Final = {"sqlite": ("PRAGMA query_only = ON",), "postgresql": ("SET TRANSACTION READ ONLY",)}
"""By database, what keeps a connection from writing: SQLite commits some statements of its own accord."""

PATIENCE: Final = "10"
"""Seconds to wait for a PostgreSQL server, unless the URL says otherwise."""


@dataclass(frozen=True)
class Sql(Declaration):
    """Bars that a query returns, a row for each symbol and time.

    The columns of the answer are named as those of `quantml.loaders.Files` are. Its rows have no order of their own,
    so they are put in order of symbol and time. On SQLite and PostgreSQL the query cannot write. On other databases it
    runs in a transaction that is never committed, which does not undo what some of them commit of their own accord,
    such as ``DROP TABLE``: give it an account that may only read.

    Parameters
    ----------
    url : str
        Of the database, as SQLAlchemy writes it, such as ``"sqlite:///prices.db"`` or
        ``"postgresql://reader:${PRICES_PASSWORD}@db.example/prices"``; ``${NAME}`` stands for an environment variable.
        It is no part of the study's canonical form, and is never shown with its user and password.
    query : str
        With ``:name`` where a parameter stands.
    parameters : mapping of str to object
        Values of the query's parameters. They are bound, never pasted into the text; a list or tuple, for
        ``symbol IN :symbols``, is bound item by item.
    columns : mapping of str to str or None
        What a column of the answer holds, or None to leave it out, as in `quantml.loaders.Files`.
    times : Sessions, Intraday or Epoch
        How times are written; by default ISO dates, or dates as the database has them.
    not_after : str, optional
        ISO date of the last day that a row may be of; by default today, wherever that is latest.
    calendar : str or mapping of str to str, optional
        ISO 10383 code of the exchange, or of each symbol's own.
    periods_per_year : float, optional
        Bars per year; counted as `quantml.Bars.from_frame` does where it is not given.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> query = "SELECT day AS date, symbol, open, high, low, close FROM bars WHERE symbol IN :symbols"
    >>> Sql("postgresql://reader:secret@db.example/prices", query, parameters={"symbols": ["AAPL"]}).place
    'postgresql://db.example/prices'
    """

    url: str = field(repr=False, metadata=NOT_CANONICAL)
    query: str
    _: KW_ONLY
    parameters: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, str | None] = field(default_factory=dict)
    times: Times = field(default_factory=Sessions)
    not_after: str | None = None
    calendar: Calendar | None = None
    periods_per_year: float | None = None

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        held = isinstance(self.url, str) and "://" in self.url
        check(held, "Sql.url", "be a database's URL such as 'sqlite:///prices.db'", "something else")
        check(isinstance(self.query, str) and bool(self.query.strip()), "Sql.query", "be a query", self.query)
        check(
            isinstance(self.parameters, Mapping), "Sql.parameters", "be a mapping of names to values", self.parameters
        )
        check(isinstance(self.times, Times), "Sql.times", "be Sessions(), Intraday() or Epoch()", self.times)
        check_told("Sql", self.columns)
        check_date("Sql.not_after", self.not_after)

    @property
    def place(self) -> str:
        """The URL without user, password and options."""
        kind, _, rest = self.url.partition("://")
        return f"{kind}://{rest.rpartition('@')[2].partition('?')[0]}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of a report: where the bars come from."""
        return (
            f"Bars queried from {self.place}; what they leave out, such as symbols that are gone, they do not say.",
        )

    @seen
    def load(self) -> Bars:
        """Run the query.

        Raises
        ------
        Unreachable
            If the database does not answer.
        MissingExtra
            If the database's driver is not installed.
        DataError
            If the query fails or returns no rows, or its rows are not bars.
        """
        reading = Reading(self.columns, self.times, Csv(), self.not_after)
        rows = reading.rows(Cells(self._answer(), "the query's answer"))
        return Bars.from_frame(rows.sorted, calendar=self.calendar, periods_per_year=self.periods_per_year)

    def _answer(self) -> pd.DataFrame:
        engine = self._engine()
        try:
            with self._connected(engine) as connection:
                return self._executed(connection)
        finally:
            engine.dispose()

    def _engine(self) -> Engine:
        from sqlalchemy import create_engine
        from sqlalchemy.exc import NoSuchModuleError

        target = self._target()
        try:
            return create_engine(target)
        except ModuleNotFoundError as error:
            raise self._without_driver(str(error.name)) from error
        except NoSuchModuleError:
            raise self._unreadable() from None

    def _target(self) -> URL:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        text = re.sub(r"\$\{(\w+)\}", self._variable, self.url)
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):
            raise self._unreadable() from None
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        if url.drivername == "postgresql+psycopg" and "connect_timeout" not in url.query:
            url = url.update_query_dict({"connect_timeout": PATIENCE})
        named = url.database and url.database != ":memory:" and not url.database.startswith("file:")
        if url.get_backend_name() == "sqlite" and named and not Path(str(url.database)).exists():
            # Opened, it would come into being without a table.
            raise DataError("a database", must="exist", got=self.place)
        return url

    def _unreadable(self) -> DataError:
        hint = "Such as 'sqlite:///prices.db' or 'postgresql://user:${PASSWORD}@host/name'."
        return DataError("Sql.url", must="be a URL that SQLAlchemy reads", got=self.place, hint=hint)

    def _variable(self, match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            hint = f"Set {match[1]} before the study runs."
            raise DataError("Sql.url", must="name environment variables that are set", got=match[1], hint=hint)
        return os.environ[match[1]]

    def _without_driver(self, module: str) -> MissingExtra:
        if self.url.startswith("postgresql"):
            return MissingExtra.of("postgres", module)
        return MissingExtra(f"{module}, the driver of {self.place}, is not installed", hint=f"Install {module}.")

    def _connected(self, engine: Engine) -> Connection:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return engine.connect()
        except SQLAlchemyError as error:
            hint = "Is it running, and may you use it?"
            # Not chained: what the driver says may hold the password.
            raise Unreachable("the database", must="answer", got=self._cause(error, engine.url), where=self.place,
                              hint=hint) from None  # fmt: skip

    def _executed(self, connection: Connection) -> pd.DataFrame:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            for guard in READ_ONLY.get(connection.dialect.name, ()):
                connection.exec_driver_sql(guard)
            result = connection.execute(self._statement(), dict(self.parameters))
            names, rows = list(result.keys()), result.fetchall()
        except SQLAlchemyError as error:
            got = self._cause(error, connection.engine.url)
            raise DataError("a query", must="run", got=got, where=self.place) from None
        if not rows:
            raise DataError("a query", must="return rows", got="none", where=self.place)
        columns = dict(enumerate(zip(*rows, strict=True)))
        return pd.DataFrame(columns, dtype=object).set_axis(names, axis=1)

    def _statement(self) -> TextClause:
        from sqlalchemy import bindparam, text

        several = [name for name, value in self.parameters.items() if isinstance(value, (list, tuple))]
        return text(self.query).bindparams(*(bindparam(name, expanding=True) for name in several))

    @staticmethod
    def _cause(error: Exception, url: URL) -> str:
        """Return the first line of what the driver said, without the password."""
        text = str(getattr(error, "orig", None) or error).strip().partition("\n")[0].partition(" (Background on")[0]
        return text.replace(str(url.password), "***") if url.password else text
