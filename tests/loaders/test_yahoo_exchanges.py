"""Codes of exchanges, as `yfinance.const` lists those that Yahoo uses."""

from __future__ import annotations

import exchange_calendars
import pytest

from quantml.calendars import sessions_per_year
from quantml.loaders.yahoo_exchanges import _CALENDARS, calendar_of

CODES = {
    "NMS": "XNYS", "NYQ": "XNYS", "LSE": "XLON", "GER": "XETR", "PAR": "XPAR", "JPX": "XTKS", "HKG": "XHKG",
    "ASX": "XASX", "TOR": "XTSE", "SAO": "BVMF", "CCC": "24/7", "CCY": "24/5", "CMX": None, "TLV": None, "": None,
}  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_a_code_has_the_calendar_of_its_exchange(code: str) -> None:
    assert calendar_of(code) == CODES[code]


def test_every_calendar_exists_and_has_years_to_count() -> None:
    calendars = set(_CALENDARS.values())
    assert calendars <= set(exchange_calendars.get_calendar_names(include_aliases=False))
    assert all(230.0 <= sessions_per_year(name) <= 365.0 for name in calendars)


def test_codes_of_shares_are_ones_that_yahoo_uses() -> None:
    from yfinance.const import EQUITY_SCREENER_EQ_MAP

    known = {code for codes in EQUITY_SCREENER_EQ_MAP["exchange"].values() for code in codes}
    of_indices_funds_and_pairs = {"DJI", "NIM", "SNP", "NAS", "NYS", "CCC", "CCY"}
    assert set(_CALENDARS) - of_indices_funds_and_pairs <= known
