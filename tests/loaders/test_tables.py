from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from quantml.errors import ParameterError
from quantml.loaders import Published

# Literal values are rows of the files inside arch 8.0.0.


def test_fama_french_begins_in_july_1926() -> None:
    factors = Published("fama_french").load()
    assert factors.columns == ("Mkt-RF", "SMB", "HML", "RF")
    assert len(factors.frame) == 1109
    assert [str(day.date()) for day in factors.frame.index[[0, 1, -1]]] == ["1926-07-31", "1926-08-31", "2018-11-30"]
    assert_allclose(factors.frame.iloc[0], [0.0296, -0.023, -0.0287, 0.0022], rtol=1e-15)
    assert_allclose(factors.frame.loc["2018-10-31"], [-0.0768, -0.0468, 0.0341, 0.0019], rtol=1e-15)


@pytest.mark.parametrize(
    ("name", "rows", "first", "last", "known"),
    [
        ("bond_yields", 1200, ("1919-01-31", [0.0535, 0.0712]), ("2018-12-31", [0.0402, 0.0513]), "1919-02-07"),
        ("core_cpi", 743, ("1957-01-31", [28.5]), ("2018-11-30", [259.481]), "1957-03-07"),
        ("vix", 1259, ("2014-01-03", [13.76]), ("2019-01-03", [25.45]), "2014-01-04"),
        ("wti", 8321, ("1986-01-02", [25.56]), ("2019-01-03", [46.92]), "1986-01-12"),
    ],
)
def test_a_table_holds_what_was_published(
    name: str, rows: int, first: tuple[str, list[float]], last: tuple[str, list[float]], known: str
) -> None:
    table = Published(name).load()
    assert table.name == name
    assert len(table.frame) == rows
    assert (str(table.frame.index[0].date()), str(table.frame.index[-1].date())) == (first[0], last[0])
    assert_allclose(table.frame.iloc[0], first[1], rtol=1e-15)
    assert_allclose(table.frame.iloc[-1], last[1], rtol=1e-15)
    assert str(table.available[0].date()) == known
    assert not table.frame.isna().any().any()


@pytest.mark.parametrize(
    ("name", "module", "unit"), [("bond_yields", "default", 0.01), ("core_cpi", "core_cpi", 1.0), ("wti", "wti", 1.0)]
)
def test_every_row_is_arch_s_own(name: str, module: str, unit: float) -> None:
    loaders = pytest.importorskip(f"arch.data.{module}")
    published = loaders.load().dropna()
    ours = Published(name).load().frame
    assert_array_equal(ours.index.to_period("M"), published.index.to_period("M"))
    assert_allclose(ours.to_numpy(), published.to_numpy() * unit, rtol=1e-15)


def test_a_month_is_known_its_lag_after_its_end() -> None:
    sessions = pd.DatetimeIndex(["2010-03-04", "2010-03-05", "2010-03-08"])
    joined = Published("core_cpi").load().as_of(sessions)["CPILFESL"]
    # January 2010 (220.633, after December's 220.881) is known five weeks after 2010-01-31: on 2010-03-07, a Sunday.
    assert joined.tolist() == [220.881, 220.881, 220.633]


def test_a_lag_can_be_chosen() -> None:
    explained = Published("fama_french", lag="0d").load()
    assert_array_equal(explained.available, explained.frame.index)
    assert Published("fama_french", lag="0d").notes[-1] == "A row counts as known 0d after the end of its period."


def test_two_loads_are_the_same() -> None:
    assert Published("vix").load().fingerprint == Published("vix").load().fingerprint
    assert Published("vix").load().fingerprint != Published("vix", lag="2d").load().fingerprint


def test_a_day_without_a_publication_leaves_the_last_value() -> None:
    holiday = pd.DatetimeIndex(["2019-01-02"])  # the file has a dot for 2019-01-01
    before = Published("vix").load().frame["vix"]["2018-12-31"]
    assert Published("vix").load().as_of(holiday)["vix"].tolist() == [before]
    assert np.isfinite(before)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"name": "fama-french"},
            "Published.name must name a published table; got 'fama-french'. Did you mean 'fama_french'?",
        ),
        ({"name": "vix", "lag": 5}, "Published.lag must be a duration such as '5w' or '2m'; got 5."),
        ({"name": "vix", "lag": "soon"}, "Published.lag must be a duration such as '5w' or '2m'; got 'soon'."),
    ],
)
def test_a_wrong_parameter_is_named(given: dict[str, str], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        Published(**given)
    assert str(caught.value) == message
