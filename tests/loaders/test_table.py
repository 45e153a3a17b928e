"""Table: a clock and outside columns without any prices, from a file or a frame, through a whole study."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from quantml import Study, WalkForward, load_run, run
from quantml.bars import Bars
from quantml.errors import DataError, FeatureError, ParameterError
from quantml.exogenous import Exogenous
from quantml.features import Momentum, Outside, build_features
from quantml.forecasters import Linear
from quantml.loaders import Csv, Epoch, Intraday, Published, Sessions, Table, TableFile
from quantml.signals import Sign
from quantml.targets import Column, ForwardReturn
from quantml.timing import Fill

DAYS = pd.bdate_range("2020-01-01", periods=900)


def realised_variance(seed: int = 4) -> pd.Series:
    """A made-up realised variance that follows Corsi's heterogeneous autoregression."""
    noise = np.random.default_rng(seed).lognormal(0.0, 0.3, len(DAYS) + 22)
    values = list(np.ones(22))
    for shock in noise[22:]:
        past = 0.4 * values[-1] + 0.35 * np.mean(values[-5:]) + 0.2 * np.mean(values[-22:])
        values.append((0.05 + past) * shock)
    return pd.Series(values[22:], index=DAYS, name="rv")


def table(lag: str = "0d", name: str = "spx") -> Exogenous:
    return Exogenous(realised_variance().to_frame(), name=name, lag=lag)


def weekly(bars: Bars) -> pd.DataFrame:
    return Outside("spx", "rv")(bars).rolling(5).mean()


def monthly(bars: Bars) -> pd.DataFrame:
    return Outside("spx", "rv")(bars).rolling(22).mean()


def study(data: Table, **changes: Any) -> Study:
    declared: dict[str, Any] = {
        "data": data,
        "features": [Outside("spx", "rv"), weekly, monthly],
        "target": Column("rv"),
        "forecaster": Linear(),
        "validation": WalkForward(train=400, test=100),
    }
    return Study(**{**declared, **changes})


# ------------------------------------------------------------------------- bars without prices


def test_a_table_is_bars_without_prices() -> None:
    bars = Table(table(), symbol="SPX").load()
    assert repr(bars) == "Bars(1 symbols x 900 bars, 2020-01-01 to 2023-06-13, no prices)"
    assert (bars.symbols, bars.periods_per_year, bars.calendar) == (("SPX",), 252.0, None)
    assert bars.traded.all()
    assert bars.traded.shape == (900, 1)
    assert not bars.has("close")
    assert list(bars.tables) == ["spx"]
    assert Table(table()).load().symbols == ("spx",)


@pytest.mark.parametrize("ask", [lambda b: b.close, lambda b: b.returns(), lambda b: b.to_frame(), lambda b: b.open])
def test_prices_cannot_be_asked_for(ask: Any) -> None:
    with pytest.raises(DataError) as caught:
        ask(Table(table()).load())
    assert "bars without prices must not be asked for the field " in str(caught.value)
    assert str(caught.value).endswith("use Outside features and a Column target, and no signal.")


def test_cutting_copying_and_identity() -> None:
    bars = Table(table("2d")).load()
    cut = bars.until(DAYS[10])
    assert len(cut) == 11
    assert cut.traded.shape == (11, 1)
    assert len(cut.tables["spx"]) == 9  # 2020-01-13 is a Monday: 2020-01-15 is not known, nor is 2020-01-14
    assert len(bars.between(DAYS[5], DAYS[10])) == 6
    assert pickle.loads(pickle.dumps(bars)).fingerprint == bars.fingerprint
    assert bars.raw.fingerprint == bars.fingerprint
    assert bars.fingerprint != Table(table("1d")).load().fingerprint
    assert bars.fingerprint != Table(table("2d"), symbol="SPX").load().fingerprint


def test_a_table_needs_a_clock() -> None:
    late = realised_variance().to_frame().set_axis(DAYS + pd.Timedelta(hours=16))
    with pytest.raises(DataError, match="tz-naive times must be sessions at midnight"):
        Table(Exogenous(late, name="spx", lag="0d")).load()
    minutes = pd.date_range("2024-01-02 09:30", periods=50, freq="5min", tz="UTC")
    intraday = Exogenous(pd.DataFrame({"rv": np.ones(50)}, index=minutes), name="spx", lag="0d")
    with pytest.raises(DataError, match="periods_per_year must be given"):
        Table(intraday).load()
    assert Table(intraday, periods_per_year=252 * 78).load().periods_per_year == 19656.0


def test_a_feature_of_prices_says_what_is_missing() -> None:
    with pytest.raises(FeatureError, match=r"feature Momentum\(5\): bars without prices must not be asked"):
        build_features([Momentum(5)], Table(table()).load())


def test_a_published_table_is_a_study_s_data() -> None:
    loader = Table(Published("vix"), symbol="VIX")
    bars = loader.load()
    # 2014-01-03: 13.76; 2014-01-06: 13.55, known on 2014-01-07 (a day after its date, so not on its own).
    assert Outside("vix", "vix")(bars)["VIX"].iloc[:3].tolist()[1:] == [13.76, 13.55]
    assert loader.notes[-1] == "A table without prices: it can be forecast, not traded."
    assert loader.notes[:-1] == Published("vix").notes


def test_a_table_that_names_symbols_has_all_of_them() -> None:
    one, two = realised_variance(1), realised_variance(2).iloc[300:]
    long = pd.concat([one.to_frame().assign(who="SPX"), two.to_frame().assign(who="DAX")])
    bars = Table(Exogenous(long, name="spx", lag="0d", symbol="who")).load()
    assert bars.symbols == ("SPX", "DAX")
    assert_array_equal(bars.clock, DAYS)
    level = Outside("spx", "rv")(bars)
    assert_array_equal(level["DAX"], [*[np.nan] * 300, *two])
    finished = run(study(Table(Exogenous(long, name="spx", lag="0d", symbol="who"))))
    known = finished.forecasts.dropna(subset="mean")
    assert known.groupby("symbol")["time"].min().to_dict() == {"DAX": DAYS[400], "SPX": DAYS[400]}
    assert finished.manifest["accuracy"]["rmse"] < finished.manifest["accuracy"]["naive_rmse"]
    with pytest.raises(DataError, match="symbol must not be given to a table that names symbols; got 'X'"):
        Table(Exogenous(long, name="spx", lag="0d", symbol="who"), symbol="X").load()


def test_a_source_must_be_a_table() -> None:
    with pytest.raises(ParameterError, match=r"Table.source must be Exogenous\(frame, ...\) or a loader of one"):
        Table(realised_variance().to_frame())  # type: ignore[arg-type]


# --------------------------------------------------------------------------- a study without prices


def ordinary_least_squares(rv: NDArray[np.float64], decision: int, train: NDArray[np.int64], known: int) -> float:
    """Forecast rv[decision + 1] by Corsi's regression, where row t is known `known` rows after its own."""
    level = pd.Series(rv).shift(known)
    x = np.column_stack([np.ones(len(rv)), level, level.rolling(5).mean(), level.rolling(22).mean()])
    y = np.append(rv[1:], np.nan)
    rows = [t for t in train if t + 1 + known <= train[-1] + 1 and not np.isnan(x[t]).any()]
    slope = np.linalg.lstsq(x[rows], y[rows], rcond=None)[0]
    return float(x[decision] @ slope)


@pytest.mark.parametrize(("lag", "known"), [("0d", 0), ("1d", 1)])
def test_a_heterogeneous_autoregression_is_forecast_walk_forward(lag: str, known: int) -> None:
    # On weekdays a lag of one day is one row, since a Friday's row is known on Monday.
    finished = run(study(Table(table(lag))))
    forecasts, rv = finished.forecasts, realised_variance().to_numpy()
    assert list(forecasts["time"]) == list(DAYS[400:])
    for decision in (400, 437, 499, 500, 731, 897):
        block = 400 + (decision - 400) // 100 * 100
        expected = ordinary_least_squares(rv, decision, np.arange(block - 400, block), known)
        row = forecasts.iloc[decision - 400]
        assert row["mean"] == pytest.approx(expected, rel=1e-9)
        assert row["realised"] == rv[decision + 1]
        assert row["baseline"] == rv[decision - known]
    assert np.isnan(forecasts["realised"].iloc[-1])
    accuracy = finished.manifest["accuracy"]
    assert accuracy["rmse"] < accuracy["naive_rmse"]
    assert accuracy["skill"] == pytest.approx(1.0 - (accuracy["rmse"] / accuracy["naive_rmse"]) ** 2)
    assert "directional_accuracy" not in accuracy  # a column has no direction
    assert finished.verdict is None
    assert finished.metrics == {}


def test_a_value_moves_the_forecast_only_from_when_it_is_available() -> None:
    rv = realised_variance().to_frame()
    told = pd.Series(DAYS, index=DAYS)
    forecasts = []
    for delay in (0, 1):
        late = told.copy()
        late.iloc[850] = DAYS[850 + delay]
        source = Exogenous(rv.assign(told=late), name="spx", available_at="told")
        declared = study(Table(source), features=[Outside("spx", "rv")])
        forecasts.append(run(declared).forecasts["mean"].to_numpy())
    moved = np.flatnonzero(forecasts[0] != forecasts[1])
    assert moved.tolist() == [450]  # the decision of row 850 alone


def test_further_ahead_the_purge_is_longer() -> None:
    near, far = (run(study(Table(table()), target=Column("rv", horizon))) for horizon in (1, 5))
    assert near.folds["purged"].unique().tolist() == [0]
    assert far.folds["purged"].unique().tolist() == [4]
    assert far.forecasts["realised"].iloc[0] == realised_variance().iloc[405]


def test_a_run_without_prices_is_saved_and_read_back(tmp_path: Path) -> None:
    finished = run(study(Table(table())), out=tmp_path)
    assert finished.folder is not None
    again = load_run(finished.folder)
    pd.testing.assert_frame_equal(again.forecasts, finished.forecasts)
    assert again.manifest["data"]["fields"] == []
    assert again.manifest["data"]["tables"] == {"spx": ["rv"]}
    assert run(study(Table(table()))).id == finished.id
    assert run(study(Table(table("1d")))).id != finished.id


@pytest.mark.parametrize(
    "changes",
    [
        {"signal": Sign()},
        {"target": ForwardReturn(1)},
        {"target": ForwardReturn(1, "close")},
    ],
)
def test_nothing_can_be_traded(changes: dict[str, Any]) -> None:
    with pytest.raises(
        DataError,
        match="bars without prices must not be asked for|must have closes to trade at|must have the field 'close'",
    ):
        run(study(Table(table()), **changes))


def test_a_table_joined_to_prices_has_a_target_of_its_own() -> None:
    bars = Bars.from_close(pd.DataFrame({"A": 1.0, "B": 2.0}, index=DAYS)).with_tables(table())
    built = Column("rv", 2).build(bars, Fill.NEXT_CLOSE)
    assert_array_equal(built.values[:-2, 0], realised_variance().to_numpy()[2:])
    assert_array_equal(built.values[:, 0], built.values[:, 1])


# ------------------------------------------------------------------------------------ files


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_from_a_file_is_the_table(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"rv.{kind}"
    frame = realised_variance().to_frame().rename_axis("day").reset_index()
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    loaded = Table(TableFile(path, name="spx", lag="0d")).load()
    assert loaded.fingerprint == Table(table()).load().fingerprint


def test_columns_are_kept_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "code;when;x;y", "a;31.01.2020;1,5;2", "b;29.02.2020;;3")
    loader = TableFile(
        path,
        name="macro",
        lag="1m",
        date="when",
        columns=["y", "x"],
        times=Sessions("%d.%m.%Y"),
        csv=Csv(delimiter=";", decimal=","),
    )
    loaded = loader.load()
    assert loaded.columns == ("y", "x")
    assert_array_equal(loaded.values, [[2.0, 1.5], [3.0, np.nan]])
    assert [str(day.date()) for day in loaded.available] == ["2020-02-29", "2020-03-29"]
    assert loader.notes == (
        f"The table 'macro' is read from {path.as_posix()}; a row counts as known 1m after its time.",
    )


def test_times_of_availability_may_have_an_hour(tmp_path: Path) -> None:
    lines = ["month,cpi,released", "2020-02-01,2.0,2020-03-11 08:30", "2020-01-01,1.0,2020-02-13 08:30"]
    path = write(tmp_path / "cpi.csv", *lines)
    loaded = TableFile(path, name="cpi", available_at="released", times=Sessions(newest_first=True)).load()
    assert loaded.columns == ("cpi",)
    sessions = pd.DatetimeIndex(["2020-02-13", "2020-02-14", "2020-03-11", "2020-03-12"])
    assert_allclose(loaded.as_of(sessions)["cpi"], [np.nan, 1.0, 1.0, 2.0])


def test_a_column_of_symbols(tmp_path: Path) -> None:
    path = write(tmp_path / "rv.csv", "day,index,rv", "2020-01-02,SPX,1", "2020-01-03,SPX,2", "2020-01-02,DAX,3")
    loaded = TableFile(path, name="rv", lag="0d", symbol="index").load()
    assert (loaded.columns, loaded.symbols) == (("rv",), ("SPX", "SPX", "DAX"))
    assert Table(TableFile(path, name="rv", lag="0d", symbol="index")).load().symbols == ("SPX", "DAX")
    write(path, "day,index,rv", "2020-01-02,SPX,1", "2020-01-03,,2")
    with pytest.raises(DataError, match=r"the column 'index' must be given; got '' \(rv.csv, line 3\)"):
        TableFile(path, name="rv", lag="0d", symbol="index").load()


def test_intraday_tables_are_in_utc(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "time,x", "2024-07-01 09:30,1", "2024-07-01 09:35,2")
    loaded = TableFile(path, name="t", lag="0d", times=Intraday("Europe/Paris")).load()
    assert str(loaded.period[0]) == "2024-07-01 07:30:00+00:00"
    path = write(tmp_path / "e.csv", "time,x", "1704067200,1", "1704070800,2")
    loaded = TableFile(path, name="t", lag="0d", times=Epoch("s")).load()
    assert str(loaded.period[0]) == "2024-01-01 00:00:00+00:00"


@pytest.mark.parametrize(
    ("lines", "given", "message"),
    [
        (["day,x", "2020-01-02,a"], {}, "the column 'x' must hold numbers; got 'a' (t.csv, line 2)."),
        (["day,x", "03/04/2020,1"], {}, "a time must be ISO"),
        (["day,x", "2999-01-01,1"], {}, "It lies in the future"),
        (["day,x", "2020-01-03,1", "2020-01-02,2"], {}, "the rows of an outside table must be in the order of their times"),
        (["day,x", "2020-01-02,1"], {"columns": ["y"]},
         "a table must have its columns; got 'y' (t.csv). Did you mean"),
        (["day,rate", "2020-01-02,1"], {"columns": ["rte"]}, "got 'rte' (t.csv). Did you mean 'rate'?"),
        (["day,x", "2020-01-02,1"], {"date": "dya"}, "columns must name columns of the table; got 'dya'"),
    ],
)  # fmt: skip
def test_a_bad_table_is_one_clear_error(tmp_path: Path, lines: list[str], given: dict[str, Any], message: str) -> None:
    path = write(tmp_path / "t.csv", *lines)
    with pytest.raises(DataError) as caught:
        TableFile(path, name="t", lag="0d", **given).load()
    assert message.removesuffix(" Did you mean") in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "TableFile must have either lag or available_at; got (None, None)."),
        ({"lag": "1d", "available_at": "x"}, "TableFile must have either lag or available_at; got ('1d', 'x')."),
        ({"lag": "1d", "columns": []}, "TableFile.columns must be a list of columns; got ()."),
        ({"lag": "1d", "not_after": "soon"}, "TableFile.not_after must be an ISO date"),
    ],
)
def test_a_wrong_parameter_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        TableFile("t.csv", name="t", **given)
    assert message in str(caught.value)
