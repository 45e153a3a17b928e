"""Sql: real SQLite files; a PostgreSQL port that nobody listens on."""

from __future__ import annotations

import socket
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from quantml.canonical import canonical, digest
from quantml.errors import DataError, MissingExtra, ParameterError, Unreachable
from quantml.loaders import Csv, Intraday, Sessions, Sql
from quantml.loaders.files.cells import Cells
from quantml.loaders.files.reading import Reading

QUERY = "SELECT * FROM bars"
SECRET = "h0rse-battery"
ROWS = [
    ("2024-01-03", "B", 20.0, 22.0, 19.0, 21.0, 500),
    ("2024-01-02", "A", 10.0, 11.0, 9.0, 10.5, 100),
    ("2024-01-03", "A", 10.5, 12.0, 10.0, 11.5, 200),
]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "prices.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bars (day TEXT, ticker TEXT, o REAL, h REAL, l REAL, c REAL, volume INTEGER)")
        connection.executemany("INSERT INTO bars VALUES (?, ?, ?, ?, ?, ?, ?)", ROWS)
    connection.close()
    return path


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A loopback port that is taken, and on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def sqlite(path: Path, query: str = QUERY, **more: Any) -> Sql:
    return Sql(f"sqlite:///{path}", query, **more)


def refusal(loader: Sql) -> str:
    with pytest.raises(DataError) as caught:
        loader.load()
    return str(caught.value)


def test_a_query_s_rows_become_bars(database: Path) -> None:
    bars = sqlite(database, calendar="XNYS", periods_per_year=252).load()
    assert bars.symbols == ("A", "B")
    assert [str(day.date()) for day in bars.clock] == ["2024-01-02", "2024-01-03"]
    assert_array_equal(bars.raw_array("close"), [[10.5, np.nan], [11.5, 21.0]])
    assert_array_equal(bars.raw_array("volume"), [[100.0, np.nan], [200.0, 500.0]])
    assert bars.calendar == "XNYS"


def test_parameters_are_bound_one_by_one_or_as_a_list(database: Path) -> None:
    query = f"{QUERY} WHERE ticker = :symbol AND c > :least"
    one = sqlite(database, query, parameters={"symbol": "A", "least": 11}, periods_per_year=252).load()
    assert one.raw_array("close").tolist() == [[11.5]]
    query = f"{QUERY} WHERE ticker IN :symbols"
    assert sqlite(database, query, parameters={"symbols": ["A", "B"]}).load().symbols == ("A", "B")
    attack = sqlite(database, f"{QUERY} WHERE ticker = :symbol", parameters={"symbol": "A'; DROP TABLE bars; --"})
    assert "a query must return rows; got 'none'" in refusal(attack)
    assert len(sqlite(database).load()) == 2


@pytest.mark.parametrize("query", ["DROP TABLE bars", "CREATE TABLE more (day TEXT)", "DELETE FROM bars RETURNING *"])
def test_a_query_cannot_write(database: Path, query: str) -> None:
    text = refusal(sqlite(database, query))
    assert "a query must run; got 'attempt to write a readonly database'" in text
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM bars").fetchone() == (3,)
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)
    connection.close()


def test_nothing_is_committed(database: Path) -> None:
    assert "a query must run; got " in refusal(sqlite(database, "DELETE FROM bars"))
    assert len(sqlite(database).load()) == 2


def test_columns_and_times_are_told(database: Path) -> None:
    query = "SELECT day || ' 09:30' AS begun, ticker, c AS last, volume AS number FROM bars"
    told = {"begun": "time", "last": "close", "number": None}
    bars = sqlite(database, query, columns=told, times=Intraday("Europe/Berlin"), periods_per_year=252).load()
    assert str(bars.clock[0]) == "2024-01-02 08:30:00+00:00"
    assert list(bars.quoted) == ["close"]


def answer(**columns: list[Any]) -> Cells:
    return Cells(pd.DataFrame(columns, dtype=object), "the query's answer")


def test_values_as_a_database_with_exact_types_gives_them() -> None:
    cells = answer(
        day=[date(2024, 1, 2), date(2024, 1, 3)], symbol=["A", "A"], close=[Decimal("10.25"), None], volume=[7, 8.0]
    )
    rows = Reading({}, Sessions(), Csv(), None).rows(cells).frame
    assert [str(day) for day in rows.index] == ["2024-01-02 00:00:00", "2024-01-03 00:00:00"]
    assert_array_equal(rows[["close", "volume"]].to_numpy(), [[10.25, 7.0], [np.nan, 8.0]])
    new_york = ZoneInfo("America/New_York")
    moments = [datetime(2024, 3, 8, 9, 30, tzinfo=new_york), datetime(2024, 3, 11, 9, 30, tzinfo=new_york)]
    cells = answer(time=moments, symbol=["A", "A"], close=[1.0, 2.0])
    rows = Reading({}, Intraday("America/New_York"), Csv(), None).rows(cells).frame
    assert [str(moment) for moment in rows.index] == ["2024-03-08 14:30:00+00:00", "2024-03-11 13:30:00+00:00"]


def test_values_of_mixed_types_are_named() -> None:
    moments = [datetime(2024, 3, 8, 9, 30), datetime(2024, 3, 8, 14, 35, tzinfo=UTC)]
    reading = Reading({}, Intraday("America/New_York"), Csv(), None)
    with pytest.raises(DataError, match="times must all carry a time zone, or none; got .*the query's answer, row 2"):
        reading.rows(answer(time=moments, symbol=["A", "A"], close=[1.0, 2.0]))
    with pytest.raises(
        DataError, match=r"the column 'close' must hold numbers; got True \(the query's answer, row 1\)"
    ):
        reading.rows(answer(time=moments[1:], symbol=["A"], close=[True]))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FROM bras", "a query must run; got 'no such table: bras' (sqlite:///"),
        ("SELEC * FROM bars", "a query must run; got 'near \"SELEC\": syntax error'"),
        ("SELECT * FROM bars WHERE ticker = :symbol", "a query must run; got \"A value is required for bind parameter 'symbol'\" (sqlite:///"),
        ("SELECT * FROM bars WHERE c > 1000", "a query must return rows; got 'none'"),
        ("SELECT day, ticker, c AS price FROM bars", "the column 'price' must be one of date, time, symbol"),
        ("SELECT day, c FROM bars", "a long table must have a column of symbols"),
        ("SELECT day, ticker, 'x' AS close FROM bars",
         "the column 'close' must hold numbers; got 'x' (the query's answer, row 1)."),
        ("SELECT * FROM bars UNION ALL SELECT day, ticker, o, h, l, 11.9, volume FROM bars WHERE c = 11.5",
         "got 'two with close 11.5 and 11.9' (A, 2024-01-03: the query's answer, rows 3 and 4)."),
    ],
)  # fmt: skip
def test_bad_queries_are_one_clear_error(database: Path, query: str, message: str) -> None:
    text = refusal(sqlite(database, query))
    assert message in text
    assert "\n" not in text


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "nothing.db"
    assert refusal(sqlite(path)) == f"a database must exist; got 'sqlite:///{path}'."
    assert not path.exists()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("no database " * 100)
    assert "a query must run; got 'file is not a database'" in refusal(sqlite(path))


def test_a_database_that_cannot_be_opened_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(Unreachable) as caught:
        sqlite(tmp_path).load()
    assert str(caught.value) == (
        f"the database must answer; got 'unable to open database file' (sqlite:///{tmp_path})."
        " Is it running, and may you use it?"
    )


@pytest.mark.skipif(find_spec("psycopg") is None, reason="psycopg, of the extra postgres, is not installed")
@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg"])
def test_an_unreachable_server_is_one_clear_error(dead_port: int, driver: str) -> None:
    with pytest.raises(Unreachable) as caught:
        Sql(f"{driver}://reader:{SECRET}@127.0.0.1:{dead_port}/prices", QUERY).load()
    text = str(caught.value)
    assert text.startswith("the database must answer; got ")
    assert f"({driver}://127.0.0.1:{dead_port}/prices)" in text
    assert SECRET not in text
    assert "\n" not in text
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg"])
def test_a_missing_driver_names_its_extra(monkeypatch: pytest.MonkeyPatch, driver: str) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra) as caught:
        Sql(f"{driver}://reader:{SECRET}@127.0.0.1:1/prices", QUERY).load()
    assert str(caught.value) == "psycopg is not installed. Install it with: pip install 'quantml[postgres]'."


def test_another_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(MissingExtra) as caught:
        Sql(f"mysql+pymysql://reader:{SECRET}@127.0.0.1:1/prices", QUERY).load()
    message = "pymysql, the driver of mysql+pymysql://127.0.0.1:1/prices, is not installed. Install pymysql."
    assert str(caught.value) == message


def test_the_password_can_stay_in_the_environment(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loader = Sql("sqlite:///${PRICES_FOLDER}/prices.db", QUERY)
    monkeypatch.setenv("PRICES_FOLDER", str(database.parent))
    assert len(loader.load()) == 2
    monkeypatch.delenv("PRICES_FOLDER")
    assert refusal(loader) == (
        "Sql.url must name environment variables that are set; got 'PRICES_FOLDER'."
        " Set PRICES_FOLDER before the study runs."
    )


@pytest.mark.parametrize("password", [SECRET, "p@ss/w:rd"])
def test_user_and_password_are_shown_nowhere(password: str) -> None:
    loader = Sql(f"postgresql://reader:{password}@db.example:5432/prices?sslmode=require&password=x", QUERY)
    assert loader.place == "postgresql://db.example:5432/prices"
    for text in (repr(loader), str(canonical(loader)), *loader.notes):
        assert password not in text
        assert "reader" not in text
    assert digest(loader) == digest(Sql("sqlite:///prices.db", QUERY))
    assert digest(loader) != digest(Sql("sqlite:///prices.db", QUERY, parameters={"symbol": "A"}))


@pytest.mark.parametrize("url", ["postgresql://reader:secret@host:port/db", "nosuch://reader:secret@host/db"])
def test_a_url_that_cannot_be_read(url: str) -> None:
    text = refusal(Sql(url, QUERY))
    assert text.startswith("Sql.url must be a URL that SQLAlchemy reads; got ")
    assert "secret" not in text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sql("prices.db", QUERY), "Sql.url must be a database's URL such as 'sqlite:///prices.db'"),
        (lambda: Sql("sqlite:///a.db", " "), "Sql.query must be a query; got ' '."),
        (
            lambda: Sql("sqlite:///a.db", QUERY, parameters=["A"]),
            "Sql.parameters must be a mapping of names to values; got ['A'].",
        ),
        (lambda: Sql("sqlite:///a.db", QUERY, columns={"a": "b"}), "Sql.columns must map a file's columns to fields"),
        (lambda: Sql("sqlite:///a.db", QUERY, not_after="now"), "Sql.not_after must be an ISO date"),
    ],
)
def test_a_wrong_parameter_is_named(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert message in str(caught.value)
