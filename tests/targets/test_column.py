"""A column of an outside table, some periods ahead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import ParameterError, TargetError
from quantml.exogenous import Exogenous
from quantml.targets import Column
from quantml.timing import Fill
from tests.targets.panels import NAN, NO, assert_columns, priced


def months(**changes: Any) -> Exogenous:
    """Three months, each published some time after its end; the second without a value."""
    index = pd.DatetimeIndex(["2024-01-02", "2024-01-04", "2024-01-08"])
    released = pd.DatetimeIndex(["2024-01-04", "2024-01-07", "2024-01-09"])  # 2024-01-07 is a Sunday
    values = pd.DataFrame({"x": [1.0, NAN, 3.0], "y": [4.0, 5.0, 6.0], "released": released}, index=index)
    return Exogenous(values, name="macro", available_at="released", **changes)


def test_a_column_some_rows_ahead() -> None:
    # Bars: 1 Jan (Monday) to 8 Jan. The decisions stand on no row, row 0, 0, 1, 1, 2.
    bars = priced().with_tables(months())
    built = Column("y").build(bars, Fill.NEXT_OPEN)
    np.testing.assert_array_equal(built.values[:, 0], [NAN, 5.0, 5.0, NAN, NAN, NAN])
    np.testing.assert_array_equal(built.label_end[:, 0], [NO, 5, 5, NO, NO, NO])
    np.testing.assert_array_equal(built.values[:, 2], [NAN, NAN, 5.0, NAN, NAN, NAN])
    assert (built.kind, built.horizon, built.start, built.name) == ("column", 1, "close", "y_1")
    longer = Bars.from_close(pd.DataFrame({"A": 1.0}, pd.bdate_range("2024-01-01", periods=9)), periods_per_year=252)
    built = Column("x", 2, table="macro").build(longer.with_tables(months()), Fill.PERIOD)
    np.testing.assert_array_equal(built.values[:, 0], [NAN, 3.0, 3.0, *[NAN] * 6])
    np.testing.assert_array_equal(built.label_end[:, 0], [NO, 6, 6, *[NO] * 6])


def test_a_column_is_what_was_first_said_of_a_period() -> None:
    quarters = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-02", "2024-01-04"])
    released = pd.DatetimeIndex(["2024-01-01", "2024-01-03", "2024-01-05", "2024-01-05"])
    revised = pd.DataFrame({"gdp": [1.0, 2.0, 2.5, 3.0], "released": released}, index=quarters)
    bars = priced().with_tables(Exogenous(revised, name="gdp", available_at="released"))
    built = Column("gdp").build(bars, Fill.NEXT_CLOSE)
    assert_columns(built, 0, [2.0, 3.0, 3.0, NAN, NAN, NAN], [2, 4, 4, NO, NO, NO])


def test_a_column_of_a_table_that_names_symbols() -> None:
    owners, days = ["A", "B", "A", "A"], pd.DatetimeIndex(["2024-01-01", "2024-01-01", "2024-01-03", "2024-01-04"])
    sales = pd.DataFrame({"sales": [1.0, 2.0, 3.0, 4.0], "who": owners}, index=days)
    bars = priced().with_tables(Exogenous(sales, name="sales", lag="1d", symbol="who"))
    built = Column("sales").build(bars, Fill.NEXT_CLOSE)
    assert_columns(built, 0, [3.0, 3.0, 4.0, NAN, NAN, NAN], [3, 3, 4, NO, NO, NO])
    assert np.isnan(built.values[:, 1:]).all()


def test_periods_of_a_column_s_table_must_become_available_in_order() -> None:
    days = pd.DatetimeIndex(["2024-01-01", "2024-01-02"])
    late = pd.DataFrame({"x": [1.0, 2.0], "told": days[::-1]}, index=days)
    with pytest.raises(TargetError) as caught:
        Column("x").build(priced().with_tables(Exogenous(late, name="t", available_at="told")), Fill.NEXT_CLOSE)
    assert str(caught.value) == (
        "the table 't' of a Column must become available in the order of its periods;"
        " got '2024-01-02 00:00:00 before 2024-01-01 00:00:00'."
    )


def test_a_column_published_ahead_of_its_time_answers_no_decision_before_it_is_asked() -> None:
    index = pd.DatetimeIndex(["2024-01-01", "2024-01-08"])
    early = pd.DataFrame({"x": [1.0, 2.0], "told": pd.DatetimeIndex(["2024-01-01", "2024-01-02"])}, index=index)
    bars = priced().with_tables(Exogenous(early, name="fixed", available_at="told"))
    assert Column("x").build(bars, Fill.NEXT_CLOSE).label_end[:, 0].tolist() == [1, 1, 2, 3, 4, NO]


@pytest.mark.parametrize(
    ("tables", "rule", "text"),
    [
        ([], Column("x"), "Column.table must name the table where the bars do not carry exactly one; got 'no table'."),
        (
            [],
            Column("x", table="m"),
            "Column.table must be an outside table of the bars; got 'm'. The bars carry none.",
        ),
        ([months()], Column("x", table="marco"), "got 'marco'. Did you mean 'macro'?"),
        ([months()], Column("xx"), "Column.name must be a column of the table 'macro'; got 'xx'. Did you mean 'x'?"),
        ([months()], Column("released"), "Column.name must be a column of the table 'macro'; got 'released'."),
    ],
)
def test_a_column_must_be_found(tables: list[Exogenous], rule: Column, text: str) -> None:
    with pytest.raises(TargetError) as caught:
        rule.build(priced().with_tables(*tables), Fill.NEXT_CLOSE)
    assert text in str(caught.value)


def test_a_column_s_parameters_out_of_range() -> None:
    with pytest.raises(ParameterError, match=r"Column\.horizon must be a whole number of periods, at least 1; got 0"):
        Column("x", 0)
    with pytest.raises(ParameterError, match=r"Column\.name must be the name of a column; got 1"):
        Column(1)  # type: ignore[arg-type]
