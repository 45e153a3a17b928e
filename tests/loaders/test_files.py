"""Files: what is declared is read, what is not is an error that names file, line and value."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from quantml.bars import Bars
from quantml.canonical import digest
from quantml.errors import DataError, InputError, ParameterError
from quantml.loaders import (
    Csv,
    Epoch,
    FilePerSymbol,
    Files,
    Intraday,
    LongFile,
    Sample,
    Sessions,
    WideFile,
    WideReturns,
)

ROWS = [
    "2024-01-02,10.0,11.0,9.0,10.5,100",
    "2024-01-03,10.5,12.0,10.0,11.5,200",
    "2024-01-04,11.5,13.0,11.0,12.5,300",
]
HEADER = "Date,Open,High,Low,Close,Volume"
DAYS = ["2024-01-02", "2024-01-03", "2024-01-04"]


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def folder(path: Path, *lines: str, name: str = "AAA.csv") -> Path:
    write(path / "prices" / name, *lines)
    return path / "prices"


def refusal(loader: Files) -> str:
    with pytest.raises(DataError) as caught:
        loader.load()
    return str(caught.value)


def expected() -> Bars:
    fields = {
        "open": [10.0, 10.5, 11.5],
        "high": [11.0, 12.0, 13.0],
        "low": [9.0, 10.0, 11.0],
        "close": [10.5, 11.5, 12.5],
        "volume": [100.0, 200.0, 300.0],
    }
    return Bars.from_frame(pd.DataFrame({"symbol": "AAA", **fields}, index=pd.DatetimeIndex(DAYS)))


# -------------------------------------------------------------------------------- layouts


def test_one_file_per_symbol(tmp_path: Path) -> None:
    prices = folder(tmp_path, HEADER, *ROWS)
    write(prices / "BB.B.csv", "date,close,open,high,low,vol", "2024-01-03,5,5,6,4,0", "2024-01-04,6,5,7,4,1")
    write(prices / "notes.txt", "not a table")
    write(prices / ".hidden.csv", "nor this")
    bars = Files(prices, FilePerSymbol(), calendar="XNYS", periods_per_year=252).load()
    assert bars.symbols == ("AAA", "BB.B")
    assert [str(day.date()) for day in bars.clock] == DAYS
    assert_array_equal(bars.raw_array("close"), [[10.5, np.nan], [11.5, 5.0], [12.5, 6.0]])
    assert_array_equal(bars.raw_array("volume"), [[100.0, np.nan], [200.0, 0.0], [300.0, 1.0]])
    assert (bars.calendar, bars.periods_per_year) == ("XNYS", 252.0)


def test_the_file_s_name_has_a_declared_form(tmp_path: Path) -> None:
    prices = folder(tmp_path, HEADER, *ROWS, name="us_AAA_1d.csv")
    assert Files(prices, FilePerSymbol("us_{symbol}_1d")).load().symbols == ("AAA",)
    assert refusal(Files(prices, FilePerSymbol("{symbol}_daily"))) == (
        "a file's name must read '{symbol}_daily'; got 'us_AAA_1d.csv'."
        " Move other files elsewhere, or say FilePerSymbol('...{symbol}...')."
    )


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_real_prices_survive_every_kind_of_file(tmp_path: Path, kind: str) -> None:
    real = Sample("stocks", start="2004-06-01", end="2006-06-30").load()
    stacked = real.to_frame().stack("symbol", future_stack=True).dropna().sort_index(level=1, kind="stable")
    long = stacked.rename_axis(["date", "symbol"]).reset_index()
    path = tmp_path / f"long.{kind}"
    long.to_parquet(path) if kind == "parquet" else long.to_csv(path, index=False)
    bars = Files(path, LongFile(), calendar="XNYS", periods_per_year=252).load()
    assert sorted(bars.symbols) == sorted(real.symbols)
    for field in ("open", "high", "low", "close", "volume"):
        assert_array_equal(pd.DataFrame(bars.raw_array(field), columns=bars.symbols)[list(real.symbols)],
                           real.raw_array(field))  # fmt: skip
    assert_array_equal(bars.splits[list(real.symbols)], real.splits)


def test_a_wide_file_of_closes_and_one_of_returns(tmp_path: Path) -> None:
    path = write(
        tmp_path / "wide.csv", "month,A,B,rank", "2024-01-31,10,,1", "2024-02-29,11,20,2", "2024-03-31,12,21,3"
    )
    bars = Files(path, WideFile(), columns={"rank": None}).load()
    assert_array_equal(bars.raw_array("close"), [[10.0, np.nan], [11.0, 20.0], [12.0, 21.0]])
    assert (bars.symbols, bars.periods_per_year) == (("A", "B"), 12.0)
    path = write(tmp_path / "returns.csv", "month;A", "2024-01-31;0,10", "2024-02-29;-0,5")
    bars = Files(path, WideReturns("2023-12-31"), csv=Csv(delimiter=";", decimal=",")).load()
    np.testing.assert_allclose(bars.raw_array("close")[:, 0], [1.0, 1.1, 0.55])


def test_the_time_column_of_a_wide_file_can_be_told(tmp_path: Path) -> None:
    path = write(tmp_path / "wide.csv", "A,when", "1,2024-01-02", "2,2024-01-03")
    assert Files(path, WideFile(), columns={"when": "date"}).load().symbols == ("A",)
    message = refusal(Files(path, WideFile(), columns={"A": "close"}))
    assert "must map columns of this table to 'date', or to None" in message


# -------------------------------------------------------------- columns, numbers and times


@pytest.mark.parametrize(
    "header",
    [
        "Date,Open,High,Low,Close,Volume",
        "timestamp,o,h,l,c,v",
        "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>",
        "Date,1. open,2. high,3. low,4. close,5. volume",
        ",open,high,low,close,volume",
        "Trade Date,OPEN_PRICE,High Price,low price,Close/Last,Vol.",
    ],
)
def test_common_names_are_known(tmp_path: Path, header: str) -> None:
    bars = Files(folder(tmp_path, header, *ROWS), FilePerSymbol()).load()
    assert bars.fingerprint == expected().fingerprint


def test_names_can_be_told(tmp_path: Path) -> None:
    prices = folder(tmp_path, "Tag,Open,High,Low,Schluss,Volume", *ROWS)
    told = Files(prices, FilePerSymbol(), columns={"Tag": "date", "Schluss": "close"})
    assert told.load().fingerprint == expected().fingerprint


@pytest.mark.parametrize(
    ("header", "columns", "message"),
    [
        ("Date,Open,High,Low,Clsoe,Volume", {},
         "the column 'Clsoe' must be one of date, time, symbol, open, high, low, close, volume, split, dividend, or a"
         " common name of one (AAA.csv). Did you mean 'close'? Say columns={'Clsoe': 'close'} or another field, or"
         " None to leave it out."),
        ("Date,Open,High,Low,Adj Close,Volume", {},
         "the column 'Adj Close' must not be taken for a raw close (AAA.csv). Give raw prices, with splits and"
         " dividends apart, and say columns={'Adj Close': None}."),
        ("Date,Open,High,Low,Close,Stock Splits", {}, "Yahoo's prices are divided by later splits already"),
        ("Date,Open,High,Low,Close,Last", {"Last": "close"},
         "the field 'close' must be one column; got \"'Close' and 'Last'\" (AAA.csv). Leave one out:"
         " columns={'Last': None}."),
        ("Date,Open,High,Low,Close,Volume", {"Clse": "close"},
         "columns must name columns of the table; got 'Clse' (AAA.csv). Did you mean 'Close'?"),
        ("Date,Open,High,Low,Close,Close", {}, "a table's columns must have different names; got \"'Close' twice\""),
        ("Open,High,Low,Close,Volume,Dividend", {}, "a table must have a column of dates; got ['Open', 'High'"),
        ("Date;Open;High;Low;Close;Volume", {}, "a line must have 1 cells, as its header; got 6 (AAA.csv, line 2)."),
    ],
)  # fmt: skip
def test_a_column_that_is_not_understood_is_named(
    tmp_path: Path, header: str, columns: dict[str, str | None], message: str
) -> None:
    assert message in refusal(Files(folder(tmp_path, header, *ROWS), FilePerSymbol(), columns=columns))


def test_an_adjusted_close_can_be_left_out_or_taken_when_told(tmp_path: Path) -> None:
    rows = [f"{row},{number}" for row, number in zip(ROWS, (1.0, 2.0, 3.0), strict=True)]
    prices = folder(tmp_path, f"{HEADER},Adj Close", *rows)
    left_out = Files(prices, FilePerSymbol(), columns={"Adj Close": None}).load()
    assert left_out.fingerprint == expected().fingerprint
    others = dict.fromkeys(("Open", "High", "Low", "Close", "Volume"))
    taken = Files(prices, FilePerSymbol(), columns={**others, "Adj Close": "close"}).load()
    assert taken.raw_array("close")[:, 0].tolist() == [1.0, 2.0, 3.0]


def test_splits_and_dividends(tmp_path: Path) -> None:
    rows = ["2024-01-02,10,0,0", "2024-01-03,5,2.0,0", "2024-01-04,5,,0.5"]
    bars = Files(folder(tmp_path, "date,close,split,dividends", *rows), FilePerSymbol()).load()
    assert bars.splits["AAA"].tolist() == [1.0, 2.0, 1.0]
    assert bars.dividends["AAA"].tolist() == [0.0, 0.0, 0.5]


def test_decimal_commas_and_other_dates_as_stated(tmp_path: Path) -> None:
    rows = [
        'Datum;Open;High;Low;Close;Volume', "02.01.2024;10,0;11,0;9,0;10,5;100",
        "03.01.2024;10,5;12,0;10,0;11,5;200", "04.01.2024;11,5;13,0;11,0;12,5;300",
    ]  # fmt: skip
    stated = Files(
        folder(tmp_path, *rows),
        FilePerSymbol(),
        columns={"Datum": "date"},
        times=Sessions("%d.%m.%Y"),
        csv=Csv(delimiter=";", decimal=","),
    )
    assert stated.load().fingerprint == expected().fingerprint


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_to_the_last_bit(value: float) -> None:
    assert Csv().number(repr(value)) == value
    assert Csv(decimal=",").number(repr(value).replace(".", ",")) == value


@pytest.mark.parametrize(
    ("written", "text", "value"),
    [
        (Csv(), " 1.5 ", 1.5),
        (Csv(), "+.5e3", 500.0),
        (Csv(thousands=","), "1,234,567.8", 1234567.8),
        (Csv(decimal=",", thousands="."), "-1.234,5", -1234.5),
        (Csv(decimal=",", thousands=" "), "12 345", 12345.0),
    ],
)
def test_numbers_as_stated(written: Csv, text: str, value: float) -> None:
    assert written.number(text) == value


@pytest.mark.parametrize("text", ["1,5", "1_000", "inf", "0x10", "1.2.3", "12,34.5", "١", "1 2", "--1", "-", "true"])
def test_what_is_no_number_is_refused(text: str) -> None:
    for written in (Csv(), Csv(thousands=",") if "," not in text or "." in text else Csv()):
        with pytest.raises(ValueError, match=r".+"):
            written.number(text)


@pytest.mark.parametrize("text", ["", " ", "NA", "n/a", "NaN", "null", "None"])
def test_what_is_missing(text: str) -> None:
    assert np.isnan(Csv().number(text))


@pytest.mark.parametrize(
    ("row", "csv", "message"),
    [
        ("2024-01-03,abc,12,10,11,1", Csv(),
         "the column 'Open' must hold numbers; got 'abc' (AAA.csv, line 3)."),
        ('2024-01-03,"10,5",12,10,11,1', Csv(),
         "the column 'Open' must hold numbers; got '10,5' (AAA.csv, line 3). Say how numbers are written, for instance"
         " csv=Csv(decimal=',', thousands='.')."),
        ("2024-01-03,10.5,12,10,11,1", Csv(decimal=","), "must hold numbers; got '10.0' (AAA.csv, line 2)"),
        ("2024-01-03,inf,12,10,11,1", Csv(), "the column 'Open' must hold numbers; got 'inf' (AAA.csv, line 3)."),
    ],
)  # fmt: skip
def test_a_number_that_does_not_parse_is_named(tmp_path: Path, row: str, csv: Csv, message: str) -> None:
    assert message in refusal(Files(folder(tmp_path, HEADER, ROWS[0], row), FilePerSymbol(), csv=csv))


@pytest.mark.parametrize(
    ("day", "times", "message"),
    [
        ("03/04/2020", Sessions(),
         "a time must be ISO, such as 2005-01-31 or 2005-01-31 15:30, where no format is stated; got '03/04/2020'"
         " (AAA.csv, line 3). Say how dates are written, for instance times=Sessions('%d/%m/%Y') or"
         " times=Sessions('%m/%d/%Y')."),
        ("20200403", Sessions(), "where no format is stated; got '20200403' (AAA.csv, line 3)"),
        ("2024-02-30", Sessions(), "a time must be a date that exists; got '2024-02-30' (AAA.csv, line 3)."),
        ("", Sessions(), "where no format is stated; got '' (AAA.csv, line 3)"),
        ("2024-01-03", Sessions("%d.%m.%Y"), "a time must be written as %d.%m.%Y; got '2024-01-02' (AAA.csv, line 2)."),
        ("2024-01-03 10:30", Sessions(),
         "a session must be a date; got '2024-01-03 10:30' (AAA.csv, line 3). Say times=Intraday(zone=...) for bars"
         " within a day."),
        ("2024-01-03T00:00:00+01:00", Sessions(),
         "times must all carry a time zone, or none; got '2024-01-02 and 2024-01-03T00:00:00+01:00' (AAA.csv, line 3)."),
    ],
)  # fmt: skip
def test_a_date_that_is_not_as_stated_is_named(tmp_path: Path, day: str, times: Sessions, message: str) -> None:
    prices = folder(tmp_path, HEADER, ROWS[0], f"{day},10.5,12.0,10.0,11.5,200")
    assert message in refusal(Files(prices, FilePerSymbol(), times=times))


# ------------------------------------------------------------------------------ time zones


def closes(path: Path, *times: str) -> Path:
    return folder(path, "time,close", *(f"{time},{10 + number}" for number, time in enumerate(times)))


def clock_of(path: Path, times: Any) -> list[str]:
    bars = Files(path, FilePerSymbol(), times=times, periods_per_year=1000).load()
    return [str(time) for time in bars.clock]


def test_local_times_of_a_stated_zone(tmp_path: Path) -> None:
    # Clocks in New York went forward on 2024-03-10: 14:30 UTC before, 13:30 UTC after.
    prices = closes(tmp_path, "2024-03-08 09:30", "2024-03-11 09:30")
    assert clock_of(prices, Intraday("America/New_York")) == ["2024-03-08 14:30:00+00:00", "2024-03-11 13:30:00+00:00"]


def test_offsets_must_be_those_of_the_stated_zone(tmp_path: Path) -> None:
    prices = closes(tmp_path, "2024-03-08T09:30-05:00", "2024-03-11T09:30-04:00")
    assert clock_of(prices, Intraday("America/New_York")) == ["2024-03-08 14:30:00+00:00", "2024-03-11 13:30:00+00:00"]
    assert refusal(Files(prices, FilePerSymbol(), times=Intraday("UTC"))) == (
        "a time's offset must be that of the stated zone UTC; got '2024-03-08T09:30-05:00' (AAA.csv, line 2)."
        " Times of several zones are mixed, or another zone is meant; write them in one, for instance UTC."
    )


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (("2024-03-08 09:30-05:00", "2024-03-08 15:35+00:00"), "got '2024-03-08 15:35+00:00' (AAA.csv, line 3)"),
        (("2024-03-08 09:30", "2024-03-08 09:35-05:00"), "times must all carry a time zone, or none"),
        (("2024-03-10 02:30", "2024-03-10 03:30"),
         "a local time in America/New_York must be one moment; got '2024-03-10 02:30' (AAA.csv, line 2)"),
        (("2024-11-03 01:30", "2024-11-03 03:30"), "must be one moment; got '2024-11-03 01:30' (AAA.csv, line 2)"),
    ],
)  # fmt: skip
def test_mixed_time_zones_and_changing_clocks(tmp_path: Path, times: tuple[str, ...], message: str) -> None:
    loader = Files(closes(tmp_path, *times), FilePerSymbol(), times=Intraday("America/New_York"), periods_per_year=1)
    assert message in refusal(loader)


def test_midnights_of_a_stated_zone_are_sessions(tmp_path: Path) -> None:
    prices = closes(tmp_path, "2024-03-08 00:00:00-05:00", "2024-03-11 00:00:00-04:00")
    assert clock_of(prices, Sessions(zone="America/New_York")) == ["2024-03-08 00:00:00", "2024-03-11 00:00:00"]
    assert "dates with a time zone must come with the exchange's zone; got '2024-03-08 00:00:00-05:00'" in refusal(
        Files(prices, FilePerSymbol())
    )


def test_date_and_time_of_day_in_two_columns(tmp_path: Path) -> None:
    prices = folder(tmp_path, "Date,Time,Close", "01/03/2024,0930,10", "01/03/2024,0935,11")
    times = Intraday("Europe/London", "%m/%d/%Y %H%M")
    assert clock_of(prices, times) == ["2024-01-03 09:30:00+00:00", "2024-01-03 09:35:00+00:00"]


def test_numbers_since_1970(tmp_path: Path) -> None:
    prices = closes(tmp_path, "1704067200000", "1704153600000")  # 2024-01-01 and the day after
    assert clock_of(prices, Epoch("ms")) == ["2024-01-01 00:00:00+00:00", "2024-01-02 00:00:00+00:00"]
    assert "got '55969-09-28 00:00:00+00:00'" in refusal(Files(prices, FilePerSymbol(), times=Epoch("s")))
    words = closes(tmp_path, "1704067200", "")
    assert "a time must be a number of s since 1970" in refusal(Files(words, FilePerSymbol(), times=Epoch("s")))


def test_typed_times_of_parquet(tmp_path: Path) -> None:
    local = pd.DatetimeIndex(["2024-03-08 09:30", "2024-03-11 09:30"]).tz_localize("America/New_York")
    for name, times in {"zoned": local, "utc": local.tz_convert("UTC"), "naive": local.tz_localize(None)}.items():
        (tmp_path / name).mkdir()
        pd.DataFrame({"close": [1.0, 2.0]}, index=times.rename("Date")).to_parquet(tmp_path / name / "AAA.parquet")
        found = clock_of(tmp_path / name, Intraday("America/New_York"))
        assert found == ["2024-03-08 14:30:00+00:00", "2024-03-11 13:30:00+00:00"]
    days = pd.DataFrame({"date": [day.date() for day in pd.DatetimeIndex(DAYS)], "close": [1.0, 2.0, 3.0]})
    (tmp_path / "days").mkdir()
    days.to_parquet(tmp_path / "days" / "AAA.parquet")
    assert clock_of(tmp_path / "days", Sessions()) == [f"{day} 00:00:00" for day in DAYS]
    days.assign(date=[20240102, 20240103, 20240104]).to_parquet(tmp_path / "days" / "AAA.parquet")
    assert clock_of(tmp_path / "days", Sessions("%Y%m%d")) == [f"{day} 00:00:00" for day in DAYS]


# ------------------------------------------------------------------------------- order


def test_the_newest_row_first_must_be_stated(tmp_path: Path) -> None:
    prices = folder(tmp_path, HEADER, *ROWS[::-1])
    assert refusal(Files(prices, FilePerSymbol())) == (
        "a symbol's rows must go forward in time; got '2024-01-03 after 2024-01-04' (AAA.csv, line 3)."
        " Say newest_first=True in times where the newest row comes first."
    )
    assert (
        Files(prices, FilePerSymbol(), times=Sessions(newest_first=True)).load().fingerprint == expected().fingerprint
    )
    mixed = folder(tmp_path, HEADER, ROWS[1], ROWS[2], ROWS[0])
    assert refusal(Files(mixed, FilePerSymbol(), times=Sessions(newest_first=True))) == (
        "a symbol's rows must go backward in time; got '2024-01-04 after 2024-01-03' (AAA.csv, line 3)."
    )


def test_the_newest_row_first_keeps_the_order_of_symbols(tmp_path: Path) -> None:
    lines = ["symbol,date,close", "B,2024-01-03,2", "B,2024-01-02,1", "A,2024-01-03,4", "A,2024-01-02,3"]
    path = write(tmp_path / "long.csv", *lines)
    bars = Files(path, LongFile(), times=Sessions(newest_first=True)).load()
    assert bars.symbols == ("B", "A")
    assert_array_equal(bars.raw_array("close"), [[1.0, 3.0], [2.0, 4.0]])


# ---------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*ROWS, "2024-01-03,10.5,12.0,10.0,11.9,200"],
         "a time must have one row of each symbol; got 'two with close 11.5 and 11.9' (AAA, 2024-01-03: AAA.csv,"
         " lines 3 and 5)."),
        ([*ROWS, ROWS[1]], "got 'the same row twice' (AAA, 2024-01-03: AAA.csv, lines 3 and 5)."),
        ([ROWS[0], HEADER, *ROWS[1:]],
         "the header must stand on the first line only; got 'Date,Open,High,Low,Close,Volume' (AAA.csv, line 3). Files"
         " seem to have been put together: take the line out."),
        ([ROWS[0], "", "2024-01-03,10.5,12.0"],
         "a line must have 6 cells, as its header; got 3 (AAA.csv, line 4). Quote cells that hold the delimiter."),
        ([*ROWS, "2999-01-04,1,1,1,1,1"], "got '2999-01-04' (AAA.csv, line 5). It lies in the future"),
        ([*ROWS, "2024-01-05,-1.0,1.0,1.0,1.0,1"], "the bar's open must be positive; got -1.0 (AAA, 2024-01-05)."),
        ([], "a file must have at least one row (AAA.csv)."),
        (["\0"], "AAA.csv"),
    ],
)  # fmt: skip
def test_bad_rows_are_one_clear_error(tmp_path: Path, rows: list[str], message: str) -> None:
    text = refusal(Files(folder(tmp_path, HEADER, *rows), FilePerSymbol()))
    assert message in text
    assert "\n" not in text


def test_a_session_twice_in_a_wide_file(tmp_path: Path) -> None:
    path = write(tmp_path / "wide.csv", "day,A,B", "2024-01-02,1,2", "2024-01-03,1,2", "2024-01-03,1,3")
    assert refusal(Files(path, WideFile())) == (
        "a time must have one row; got 'two with B 2 and 3' (2024-01-03: wide.csv, lines 3 and 4)."
    )


def test_the_last_day_can_be_stated(tmp_path: Path) -> None:
    prices = folder(tmp_path, HEADER, *ROWS)
    assert len(Files(prices, FilePerSymbol(), not_after="2024-01-04").load()) == 3
    assert refusal(Files(prices, FilePerSymbol(), not_after="2024-01-03")) == (
        "a row's time must not be later than 2024-01-03 23:59:59; got '2024-01-04' (AAA.csv, line 4)."
    )


def test_today_is_not_in_the_future(tmp_path: Path) -> None:
    today = pd.Timestamp.now("UTC").floor("s")
    prices = closes(tmp_path, str(today - pd.Timedelta(minutes=5)), str(today))
    assert len(clock_of(prices, Intraday("UTC"))) == 2
    prices = closes(tmp_path, str((today - pd.Timedelta(days=1)).date()), str(today.date()))
    assert len(clock_of(prices, Sessions())) == 2
    late = closes(tmp_path, str(today), str(today + pd.Timedelta(hours=1)))
    assert "It lies in the future" in refusal(Files(late, FilePerSymbol(), times=Intraday("UTC"), periods_per_year=1))


def test_a_symbol_in_two_files(tmp_path: Path) -> None:
    prices = folder(tmp_path, HEADER, *ROWS)
    with gzip.open(prices / "aaa.csv.gz", "wt") as file:
        file.write("\n".join([HEADER, *ROWS]))
    assert refusal(Files(prices, FilePerSymbol())) == (
        f"a symbol must be in one file; got 'AAA.csv and aaa.csv.gz' ({prices})."
    )


def test_a_file_of_another_symbol_than_its_name_says(tmp_path: Path) -> None:
    prices = folder(tmp_path, "symbol,date,close", "AAA,2024-01-02,1", "BBB,2024-01-03,1")
    assert refusal(Files(prices, FilePerSymbol())) == (
        "a row's symbol must be 'AAA', as the file is called; got 'BBB' (AAA.csv, line 3)."
    )


def test_files_that_differ_in_their_fields(tmp_path: Path) -> None:
    prices = folder(tmp_path, HEADER, *ROWS)
    write(prices / "BBB.csv", "date,open,high,low,close", "2024-01-02,1,1,1,1")
    assert refusal(Files(prices, FilePerSymbol())) == (
        "files of one folder must have the same fields; got 'AAA.csv with and BBB.csv without it' (volume)."
        " Leave the column out everywhere, or complete BBB.csv."
    )


@pytest.mark.parametrize("damage", ["cut", "header", "middle", "text", "empty"])
def test_a_damaged_parquet_file(tmp_path: Path, damage: str) -> None:
    bars = Sample("indices", symbols=["^GSPC"]).load()
    frame = bars.to_frame().droplevel("symbol", axis=1).rename_axis("date").reset_index()
    (tmp_path / "p").mkdir()
    path = tmp_path / "p" / "SPX.parquet"
    frame.to_parquet(path, write_page_checksum=True)
    whole = path.read_bytes()
    middle = len(whole) // 3
    path.write_bytes(
        {
            "cut": whole[: middle * 2],
            "header": b"PAR2" + whole[4:-4] + b"PAR2",
            "middle": whole[:middle] + bytes(255 - byte for byte in whole[middle : middle + 64]) + whole[middle + 64 :],
            "text": b"date,close\n2024-01-02,1\n",
            "empty": b"",
        }[damage]
    )
    text = refusal(Files(tmp_path / "p", FilePerSymbol()))
    assert text.startswith("a Parquet file must be readable; got ")
    assert text.endswith("(SPX.parquet). It is damaged or half written: fetch it again.")
    assert "\n" not in text


def test_a_damaged_or_foreign_csv_file(tmp_path: Path) -> None:
    prices = tmp_path / "p"
    prices.mkdir()
    packed = gzip.compress("\n".join([HEADER, *ROWS] * 50).encode())
    (prices / "AAA.csv.gz").write_bytes(packed[: len(packed) // 2])
    assert "a CSV file must be readable; got " in refusal(Files(prices, FilePerSymbol()))
    (prices / "AAA.csv.gz").unlink()
    (prices / "AAA.csv").write_bytes("Date,Schlußkurs\n2024-01-02,1\n".encode("latin-1"))
    assert refusal(Files(prices, FilePerSymbol())) == (
        "a CSV file must be text in utf-8-sig (AAA.csv). Say csv=Csv(encoding=...)."
    )
    told = Files(prices, FilePerSymbol(), csv=Csv(encoding="latin-1"), columns={"Schlußkurs": "close"},
                 periods_per_year=252)  # fmt: skip
    assert told.load().raw_array("close").tolist() == [[1.0]]


def test_paths_that_are_not_what_the_layout_needs(tmp_path: Path) -> None:
    prices = folder(tmp_path, HEADER, *ROWS)
    assert "a path must exist; got " in refusal(Files(tmp_path / "price", FilePerSymbol()))
    assert refusal(Files(tmp_path / "price", FilePerSymbol())).endswith("Did you mean 'prices'?")
    assert "the path of FilePerSymbol must be a folder" in refusal(Files(prices / "AAA.csv", FilePerSymbol()))
    assert "the path of this layout must be a file" in refusal(Files(prices, LongFile()))
    assert "a long table must have a column of symbols" in refusal(Files(prices / "AAA.csv", LongFile()))
    other = write(tmp_path / "prices.xls", "x")
    assert "must end in .csv, .csv.gz, .parquet; got 'prices.xls'" in refusal(Files(other, LongFile()))
    (tmp_path / "empty").mkdir()
    assert "a folder of bars must hold files that end in .csv, .csv.gz, .parquet; got 'none'" in refusal(
        Files(tmp_path / "empty", FilePerSymbol())
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Files("", FilePerSymbol()), "Files.path must be a path; got ''."),
        (lambda: Files("p", "wide"), "Files.layout must be a layout, such as FilePerSymbol(); got 'wide'."),
        (lambda: Files("p", FilePerSymbol), "Files.layout must be a layout"),
        (lambda: Files("p", LongFile(), columns={"A": "clos"}), "got {'A': 'clos'}. Did you mean 'close'?"),
        (lambda: Files("p", LongFile(), not_after="31.12.2020"), "must be an ISO date such as '2005-01-31'"),
        (lambda: Files("p", LongFile(), times="%d/%m/%Y"), "Files.times must be Sessions(), Intraday() or Epoch()"),
        (lambda: FilePerSymbol("daily"), "FilePerSymbol.name must hold {symbol} once; got 'daily'."),
        (lambda: Sessions("dd.mm.yyyy"), "Sessions.format must be in the codes of strptime"),
        (lambda: Intraday("US/Easter"), "Intraday.zone must name a time zone; got 'US/Easter'. Did you mean 'US/East"),
        (lambda: Epoch("minutes"), "Epoch.unit must be 's', 'ms', 'us' or 'ns'; got 'minutes'."),
        (lambda: Csv(delimiter="; "), "Csv.delimiter must be one character; got '; '."),
        (lambda: Csv(decimal=",", thousands=","), "Csv.thousands must be one character other than the decimal one"),
    ],
)
def test_a_wrong_parameter_is_named(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert message in str(caught.value)


def test_what_is_declared_is_what_a_study_is_known_by(tmp_path: Path) -> None:
    declared = Files(Path("data") / "prices", FilePerSymbol(), columns={"Adj Close": None})
    assert declared.path == "data/prices"
    assert digest(declared) == digest(Files("data/prices", FilePerSymbol(), columns={"Adj Close": None}))
    assert digest(declared) != digest(Files("data/prices", FilePerSymbol()))
    assert "data/prices" in declared.notes[0]
    assert issubclass(DataError, InputError)
