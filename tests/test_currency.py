"""Currencies: converted by the rates that were known, or refused."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import quantml as qm
from quantml import Converted, Fill, Study, WalkForward, convert
from quantml.bars import Bars
from quantml.errors import DataError, ParameterError
from quantml.exogenous import Exogenous
from quantml.features import Returns
from quantml.forecasters import HistoricalMean
from quantml.signals import MovingAverageCross
from quantml.simulation import simulate
from quantml.targets import ForwardReturn

NAN = np.nan
DAYS = pd.bdate_range("2024-01-01", periods=4)  # Monday to Thursday
RATES = Exogenous(
    pd.DataFrame({"EUR": [1.10, 1.20, 1.25], "GBP": [1.30, 1.30, 1.40]}, index=DAYS[:3]), name="fx", lag="0d"
)
CURRENCIES = {"SAP": "EUR", "IBM": "USD", "VOD": "GBp"}


@pytest.fixture
def bars():
    close = pd.DataFrame({"SAP": [100.0, 100.0, NAN, 120.0], "IBM": [160.0] * 4, "VOD": [70.0] * 4}, index=DAYS)
    return Bars.from_close(close, periods_per_year=252, currencies=CURRENCIES)


def test_prices_take_the_newest_rate_that_was_known(bars):
    found = convert(bars, to="USD", rates=RATES)
    # On the last day there is no new rate: Wednesday's stands. Seventy pence are 0.70 pounds.
    np.testing.assert_allclose(found.close["SAP"], [110.0, 120.0, NAN, 150.0])
    np.testing.assert_allclose(found.close["VOD"], [0.91, 0.91, 0.98, 0.98])
    assert found.close["IBM"].tolist() == [160.0] * 4
    assert found.currencies == dict.fromkeys(bars.symbols, "USD")
    late = Exogenous(pd.DataFrame({"EUR": [1.0, 1.10, 1.20, 1.25], "GBP": 1.0},
                                  index=DAYS[:3].insert(0, pd.Timestamp("2023-12-29"))), name="fx", lag="1d")  # fmt: skip
    np.testing.assert_allclose(convert(bars, to="USD", rates=late).close["SAP"], [100.0, 110.0, NAN, 150.0])


def test_pence_become_pounds_without_a_table():
    close = pd.DataFrame({"VOD": [70.0, 71.0], "GILT": [100.0, 101.0]}, index=DAYS[:2])
    mixed = Bars.from_close(close, periods_per_year=252, currencies={"VOD": "GBp", "GILT": "GBP"})
    found = convert(mixed, to="GBP").close
    np.testing.assert_allclose(found, [[0.70, 100.0], [0.71, 101.0]], rtol=1e-15)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**5))
def test_whole_bars_stay_bars_and_returns_compound(seed):
    generator = np.random.default_rng(seed)
    clock = pd.bdate_range("2024-01-01", periods=30)
    close = 50.0 * np.exp(np.cumsum(generator.normal(0.0, 0.02, 30)))
    opens = close * np.exp(generator.normal(0.0, 0.01, 30))
    high, low = np.maximum(opens, close) * 1.01, np.minimum(opens, close) * 0.99
    split = np.where(np.arange(30) == 12, 2.0, 1.0)
    rows = pd.DataFrame({"symbol": "SAP", "open": opens, "high": high, "low": low, "close": close, "volume": 1e6,
                         "split": split, "dividend": np.where(np.arange(30) == 20, 1.5, 0.0)}, index=clock)  # fmt: skip
    bars = Bars.from_frame(rows, periods_per_year=252, currencies={"SAP": "EUR"})
    rate = pd.DataFrame({"EUR": 1.1 * np.exp(np.cumsum(generator.normal(0.0, 0.02, 30)))}, index=clock)
    found = convert(bars, to="USD", rates=Exogenous(rate, name="fx", lag="0d"))
    again = Bars.from_frame(
        found.to_frame(), periods_per_year=252, currencies=found.currencies
    )  # checks every bar anew
    assert again.fingerprint == found.fingerprint
    plain = np.arange(1, 30) != 20
    compounded = (1.0 + bars.returns()["SAP"]) * (rate["EUR"] / rate["EUR"].shift()) - 1.0
    np.testing.assert_allclose(found.returns()["SAP"].iloc[1:][plain], compounded.iloc[1:][plain], atol=1e-12)
    assert found.volume["SAP"].tolist() == bars.volume["SAP"].tolist()
    # What a holder is paid is the dividend at the rate of its day
    owned = simulate(pd.DataFrame({"SAP": [1.0]}, index=clock[:1]), found, fill=Fill.PERIOD, initial_cash=1e4)
    shares = 1e4 / (close[0] * rate["EUR"].iloc[0]) * 2.0
    assert owned.dividends.iloc[20] == pytest.approx(shares * 1.5 * rate["EUR"].iloc[20])


def test_later_rates_change_nothing_before(bars):
    changed = RATES.frame.copy()
    changed.iloc[2:] *= 1.5
    other = convert(bars, to="USD", rates=Exogenous(changed, name="fx", lag="0d"))
    found = convert(bars, to="USD", rates=RATES)
    assert other.until(DAYS[1]).fingerprint == found.until(DAYS[1]).fingerprint
    assert other.close.iloc[2:]["VOD"].tolist() != found.close.iloc[2:]["VOD"].tolist()


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({"currencies": {"SAP": "EUR"}}, "the currency of every symbol must be given; got 'none of IBM'"),
        ({"currencies": {**CURRENCIES, "IBM": "JPY"}}, "a column must be in the table 'fx'; got 'JPY'"),
        ({"rates": None}, "a table of rates must be given; got 'none for EUR (SAP)'"),
        ({"rates": Exogenous(RATES.frame, name="fx", lag="1d")},
         "the rate of EUR in USD must be positive and known for at most 10d; got nan (SAP, 2024-01-01, last available on NaT)"),
        ({"rates": Exogenous(RATES.frame * -1.0, name="fx", lag="0d")}, "the rate of EUR in USD must be positive"),
        ({"rates": Exogenous(RATES.frame.where(RATES.frame["EUR"] > 1.1), name="fx", lag="0d")},
         "the rate of EUR in USD must be positive and known for at most 10d; got nan (SAP, 2024-01-01"),
        ({"rates": Exogenous(RATES.frame.iloc[:1], name="fx", lag="0d"), "stale": "2d"},
         "must be positive and known for at most 2d; got 1.1 (SAP, 2024-01-04, last available on 2024-01-01)"),
    ],
)  # fmt: skip
def test_what_cannot_be_converted_is_named(bars, how, text):
    with pytest.raises(DataError) as caught:
        convert(bars, **{"to": "USD", "rates": RATES, **how})
    assert text in str(caught.value)


def test_a_bar_that_is_not_there_needs_no_rate():
    close = pd.DataFrame({"SAP": [NAN, 100.0], "IBM": [160.0, 161.0]}, index=DAYS[:2])
    late = Exogenous(RATES.frame.iloc[1:], name="fx", lag="0d")
    found = convert(Bars.from_close(close, periods_per_year=252), to="USD", rates=late, currencies=CURRENCIES)
    np.testing.assert_allclose(found.close["SAP"], [NAN, 120.0])


def test_bars_say_the_currency_of_every_symbol_or_none():
    with pytest.raises(DataError, match="currencies must name every symbol of the bars and no other; got 'B'"):
        Bars.from_close(pd.DataFrame({"A": [1.0, 2.0], "B": 1.0}, index=DAYS[:2]), currencies={"A": "USD"})
    made = [Bars.from_close(pd.DataFrame({"A": [1.0, 2.0]}, index=DAYS[:2]), currencies=known)
            for known in (None, {"A": "USD"}, {"A": "EUR"})]  # fmt: skip
    assert len({bars.fingerprint for bars in made}) == 3
    with pytest.raises(TypeError):
        made[1].currencies["A"] = "EUR"


# --------------------------------------------------------------- in a study


@dataclass(frozen=True)
class Foreign:
    """A loader of two symbols in two currencies."""

    notes: tuple[str, ...] = ("Made up.",)

    def load(self):
        clock = pd.bdate_range("2020-01-01", periods=300)
        moves = np.random.default_rng(1).normal(0.0, 0.01, (300, 2))
        close = pd.DataFrame(100.0 * np.exp(np.cumsum(moves, axis=0)), clock, ["SAP", "IBM"])
        return Bars.from_close(close, periods_per_year=252, currencies={"SAP": "EUR", "IBM": "USD"})


EURO = pd.DataFrame({"EUR": 1.0 + 0.1 * np.sin(np.arange(500))}, index=pd.date_range("2019-12-30", periods=500))
DAILY = Exogenous(EURO, name="fx", lag="1d")


def study(**changes):
    parts = {"data": Foreign(), "signal": MovingAverageCross(2, 8), "validation": WalkForward(train=100, test=100)}
    return Study(**{**parts, **changes})


def test_an_account_in_two_currencies_is_refused():
    text = "the symbols of one account must be quoted in one currency; got 'EUR .SAP., USD .IBM.'. Convert them"
    with pytest.raises(DataError, match=text):
        qm.run(study())
    bars = Foreign().load()
    with pytest.raises(DataError, match=text):
        simulate(pd.DataFrame({"IBM": [1.0]}, index=bars.clock[:1]), bars)


def test_forecasts_alone_are_made_in_each_currency():
    done = qm.run(study(signal=None, features=[Returns(1)], target=ForwardReturn(1), forecaster=HistoricalMean()))
    assert len(done.forecasts) > 0


def test_a_study_converts_as_it_loads():
    done = qm.run(study(data=Converted(Foreign(), to="USD", rates=DAILY)))
    assert done.manifest["data"]["currency"] == "USD"
    notes = done.manifest["data"]["notes"]
    assert [note for note in notes if note.startswith(("Made up", "Prices were"))] == [
        "Made up.", "Prices were converted to USD at the newest rate known."]  # fmt: skip
    by_hand = convert(Foreign().load(), to="USD", rates=DAILY)
    pd.testing.assert_frame_equal(qm.run(study(data=by_hand)).equity, done.equity)
    dollar = Exogenous(1.0 / EURO.rename(columns={"EUR": "USD"}), name="fx", lag="1d")
    assert qm.run(study(data=Converted(Foreign(), to="EUR", rates=dollar))).id != done.id


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Converted(1, to="USD"), "Converted.data must be a loader; got 'int'"),
        (lambda: Converted(Foreign(), to="USD", rates=1), "Converted.rates must be Exogenous or load it; got 'int'"),
        (
            lambda: Converted(Foreign(), to="USD", stale="soon"),
            "Converted.stale must be a positive number of rows, or a",
        ),
    ],
)
def test_declarations_are_checked(make, text):
    with pytest.raises(ParameterError) as caught:
        make()
    assert text in str(caught.value)
