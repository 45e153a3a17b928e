"""What a report says about each sample: where it came from, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

NOTES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "stocks": (
            "Daily prices and volume as quoted of AAPL, IBM and MSFT (2000-03-01 to 2013-03-01) and GOOG (from its"
            " listing, 2004-08-19); Quandl WIKI prices, declared public domain, from the package bokeh_sampledata.",
            "Splits and cash dividends were recovered from the source's adjusted closes, to the cent.",
            "Survivorship: the four were chosen because they are still famous. No performance on them is evidence"
            " of anything. How large it could be: bought in equal weights and held from 2000-03-01 to 2013-03-01, AAPL,"
            " IBM and MSFT gained 13.7 % a year without dividends, and the S&P 500 0.7 %. All of the 12.9 points a year"
            " may be hindsight; a rule that favours the winners among them may owe it more.",
            "AAPL on 2003-01-29 repeats the previous session's four prices, so the return of that day is 0.0 and the"
            " next day's holds two.",
            "AAPL's fall of 51.9 % on 2000-09-29 is real and stays in.",
            "Volume on the days of MSFT's and AAPL's splits may be understated by the split ratio.",
        ),
        "indices": (
            "Daily open, high, low, close and volume of the S&P 500 (^GSPC) and the Nasdaq Composite (^IXIC),"
            " 1999-01-04 to 2018-12-31, from the package arch.",
            "The S&P 500's published open equals the previous close on 96 % of the sessions of 1999 to 2004 (1,452"
            " of 1,507) and on 40 % of all. A fill at the next open would there be a fill at the close that decided"
            " it, so studies on these bars fill at the next close.",
            "These are price indices: dividends are missing, about 2 % a year for the S&P 500. An index cannot be"
            " traded itself; futures and funds on it have costs and prices of their own.",
            "Survivorship: an index replaces the companies that leave it, so none are missing inside; that these two"
            " indices are the ones to look at is today's knowledge.",
            "^IXIC has zero volume on 2015-05-12 and 2018-01-09.",
        ),
        "large_caps": (
            "Daily closes of 20 US stocks, 1990-01-02 to 2022-12-28, adjusted for splits and dividends, from the"
            " package skfolio (sp500_dataset).",
            "Survivorship: the list was drawn up at the end of the period, from companies that had lived through all"
            " of it. Whoever holds them earns what nobody could have known in 1990. How large it could be: bought in"
            " equal weights and held from 1999-01-04 to 2018-12-31, the years that the index sample shares, the 20"
            " gained 13.1 % a year, and the S&P 500 3.6 %. Of the 9.4 points a year, about 2 are dividends that the"
            " index leaves out; all of the rest may be hindsight, and a rule that favours the winners may owe it more.",
            "Prices are adjusted backward: an early price holds every later split and dividend. Returns mean"
            " something, levels do not.",
            "Prices are rounded to 0.001, which is coarse after adjustment: half a step is 0.26 % of BBY's price in"
            " 1990, 0.19 % of AAPL's and 0.13 % of UNH's.",
            "RRC hardly traded at first: its close is unchanged on 61 % of the sessions of 1990 to 1994, and falls"
            " by 67 % on 1990-04-10.",
        ),
    }
)
