"""What is seen in the declaration and the data alone, and on what else features hang."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml import Bars, Exogenous, Fill
from quantml.features import EwmaVolatility, Momentum, MovingAverageRatio, Returns
from quantml.loaders import Published, Synthetic
from quantml.loaders.quality import DropBar, Quality, Spike
from quantml.study import Study
from quantml.universe import Membership
from quantml.validation.audit.exposures import Dependences, exposures
from quantml.validation.audit.findings import Leak, Notice
from tests.validation.audit.planted import BARS, inputs, rule, study, three_ahead, trend

CLOSES = Bars.from_close(BARS.close, periods_per_year=252)


def seen(declared: Study, fill: Fill = Fill.NEXT_OPEN) -> list[Notice | Leak]:
    return list(exposures(declared, declared.load(), fill))


def of(kind: str, declared: Study, fill: Fill = Fill.NEXT_OPEN) -> list[tuple[str, str]]:
    return [(one.part, one.text) for one in seen(declared, fill) if isinstance(one, Notice) and one.kind == kind]


def leaks(declared: Study, fill: Fill = Fill.NEXT_OPEN) -> list[Leak]:
    return [one for one in seen(declared, fill) if isinstance(one, Leak)]


# ------------------------------------------------------------------------------ fills


def test_a_fill_at_the_close_that_decides() -> None:
    (leak,) = leaks(rule(trend), Fill.PERIOD)
    assert (leak.stage, leak.part) == ("fill", "Fill.PERIOD")
    assert leak.evidence.endswith("Use Fill.NEXT_OPEN.")
    assert leaks(rule(trend, data=CLOSES), Fill.PERIOD)[0].evidence.endswith("Use Fill.NEXT_CLOSE.")


@pytest.mark.parametrize("fill", [Fill.NEXT_OPEN, Fill.NEXT_CLOSE])
def test_a_fill_at_the_next_bar(fill: Fill) -> None:
    assert not leaks(rule(trend), fill)
    assert not of("fill", rule(trend), fill)


def test_a_forecast_is_not_filled() -> None:
    assert not leaks(study(signal=None), Fill.PERIOD)


def test_a_monthly_table_of_closes_says_at_which_price() -> None:
    months = pd.DataFrame({"A": np.linspace(50.0, 60.0, 30)}, pd.date_range("2000-01-31", periods=30, freq="ME"))
    monthly = rule(trend, data=Bars.from_close(months, periods_per_year=12))
    assert not leaks(monthly, Fill.PERIOD)
    assert of("fill", monthly, Fill.PERIOD) == [
        ("Fill.PERIOD", "Decisions are executed at the price that decides them.")
    ]


def repeating(share: float) -> Bars:
    """S1's opens repeat the close before on the first `share` of the bars."""
    fields = {name: BARS.raw_array(name).copy() for name in BARS.quoted}
    rows = slice(1, int(share * len(BARS)))
    fields["open"][rows, 0] = fields["close"][: len(BARS) - 1, 0][: rows.stop - 1]
    fields["high"][:, 0] = fields["high"][:, 0] * 1.5
    fields["low"][:, 0] = fields["low"][:, 0] / 1.5
    frames = {name: pd.DataFrame(values, BARS.clock, list(BARS.symbols)) for name, values in fields.items()}
    return Bars.from_frame(pd.concat(frames, axis=1), periods_per_year=252)


def test_opens_that_are_the_closes_before() -> None:
    (leak,) = leaks(rule(trend, data=repeating(0.95)))
    assert leak.evidence.startswith("the opens of S1 are the closes before them")
    assert not leaks(rule(trend, data=repeating(0.95)), Fill.NEXT_CLOSE)
    assert not leaks(rule(trend, data=repeating(0.85)))


# ------------------------------------------------------------------------ declarations


def test_survivorship_is_an_exposure_and_no_leak() -> None:
    (found,) = of("survivorship", rule(trend))
    assert found[0] == "universe"
    assert found[1].startswith("No membership table says what could have been chosen when.")
    whole = Membership(pd.DataFrame({"symbol": BARS.symbols, "start": BARS.clock[0], "end": pd.NaT}))
    assert not of("survivorship", rule(trend, universe=whole))


def test_policies_that_judge_with_hindsight() -> None:
    (found,) = of("hindsight", rule(trend, quality=Quality([DropBar(Spike())])))
    assert found == ("quality", DropBar.hindsight)
    assert not of("hindsight", rule(trend))


def table(lag: str = "1m", **columns: Any) -> Exogenous:
    frame = pd.DataFrame({"rate": np.arange(6.0), **columns}, pd.date_range("2000-01-31", periods=6, freq="ME"))
    return Exogenous(frame, name="rates", lag=lag)


def test_a_table_that_counts_as_known_at_once() -> None:
    (found,) = of("outside table", study(exogenous=[table("0d")]))
    assert found[0] == "rates"
    assert found[1].startswith("The table 'rates' counts as known at the time in its index")


def test_a_table_of_one_vintage() -> None:
    (found,) = of("outside table", study(exogenous=[table()]))
    assert found[1].startswith("The table 'rates' has one vintage of each period")
    twice = pd.DataFrame({"rate": [1.0, 2.0], "known": pd.to_datetime(["2000-02-10", "2000-03-10"])},
                         pd.DatetimeIndex(["2000-01-31", "2000-01-31"]))  # fmt: skip
    assert not of("outside table", study(exogenous=[Exogenous(twice, name="rates", available_at="known")]))


def test_a_published_table_before_it_was_published() -> None:
    (leak,) = leaks(study(exogenous=[Published("core_cpi", lag="1d")]))
    assert (leak.stage, leak.part) == ("data", "Published")
    assert leak.evidence.endswith("It is used before it was available.")
    assert not leaks(study(exogenous=[Published("core_cpi")]))


def test_a_study_without_a_file_was_declared_unseen() -> None:
    assert [part for part, _ in of("not audited", rule(trend))] == ["declaration"]


# ------------------------------------------------------------------------- dependences


def hang(*features: Any, bars: Bars = BARS) -> list[tuple[str, str]]:
    return [(one.kind, one.part) for one in Dependences(inputs(*features, bars=bars), first=100).notices()]


def price(bars: Bars) -> pd.DataFrame:
    return bars.close


def paid(bars: Bars) -> pd.DataFrame:
    return bars.dividends / bars.raw.close.shift(1)


def since_the_first(bars: Bars) -> pd.DataFrame:
    return bars.close / bars.close.iloc[0]


def test_the_level_of_prices() -> None:
    assert hang(price) == [("price level", "price")]


def test_the_first_bar_loaded() -> None:
    assert hang(since_the_first) == [("history", "since_the_first")]
    (notice,) = Dependences(inputs(since_the_first), first=100).notices()
    assert "with 50 rows of history less it differs by up to" in notice.text


def test_shares_and_windows_hang_on_neither() -> None:
    assert not hang(Returns(3), Momentum(5), MovingAverageRatio(3, 9), paid, three_ahead)


def test_a_recursion_that_has_worn_off_by_its_warmup() -> None:
    assert not hang(EwmaVolatility(0.7))


def test_a_recursion_that_has_not() -> None:
    def smoothed(bars: Bars) -> pd.DataFrame:
        return bars.returns().ewm(span=50).mean()

    assert hang(smoothed) == [("history", "smoothed")]


@dataclass(frozen=True)
class Smoothed:
    """A recursion that says after how many bars its start has worn off."""

    warmup: int

    def __call__(self, bars: Bars) -> pd.DataFrame:
        return bars.returns().ewm(halflife=5).mean()


def test_history_counts_from_the_warmup_on() -> None:
    assert not hang(Smoothed(warmup=100))
    assert hang(Smoothed(warmup=1)) == [("history", "Smoothed(1)")]


def test_dividends_are_doubled_with_prices(panel: Bars) -> None:
    assert panel.dividend.max() == 0.5
    assert not hang(paid, bars=panel)


def test_a_feature_that_needs_all_its_history_is_left() -> None:
    def long(bars: Bars) -> pd.DataFrame:
        if len(bars) < 200:
            raise ValueError("too few bars")
        return bars.returns()

    assert not hang(long)


def test_bars_loaded_by_a_loader_are_seen_as_bars_are() -> None:
    assert not leaks(rule(trend, data=Synthetic(symbols=2, sessions=240, seed=1)))
