"""Pages and tables of what was found in data."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from quantml.bars import Bars
from quantml.loaders import Sample
from quantml.loaders.inspections import Inspection, inspect_bars
from quantml.loaders.quality import Finding, Findings, Severity
from quantml.reports.findings import (
    findings_page,
    findings_table,
    findings_values,
    page_name,
    summary,
    symbol_page,
)
from tests.reports.conftest import Parsed


@pytest.fixture(scope="module")
def indices() -> Inspection:
    """Three stretches of repeated opens in ^GSPC and two days without volume in ^IXIC, as the sample's notes say."""
    return inspect_bars(Sample("indices").load(), "my study")


def parse(content: bytes) -> Parsed:
    parsed = Parsed()
    parsed.feed(content.decode())
    parsed.close()
    return parsed


def printed(inspection: Inspection) -> str:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(findings_table(inspection))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_the_page_lists_every_finding_and_counts_them_by_rule(indices: Inspection) -> None:
    parsed = parse(findings_page(indices))
    assert parsed.row("repeated opens") == ["0", "3", "0"]
    assert parsed.row("zero volume") == ["0", "2", "0"]
    assert ["^IXIC", "2015-05-12", "warning: zero volume",
            "No volume, although the price moved from 4993.57 to 4976.19."] in parsed.rows  # fmt: skip
    assert next(cells[1] for cells in parsed.rows if cells[0] == "^GSPC") == "1999-01-05 to 2006-05-03"
    assert "10,062, 1999-01-04 to 2018-12-31" in parsed.sections["data"]


def test_a_symbol_s_page_draws_its_lanes_and_lists_its_own(indices: Inspection) -> None:
    text = symbol_page(indices.of("^IXIC")).decode()
    parsed = parse(text.encode())
    assert [cells[0] for cells in parsed.rows] == ["When", "2015-05-12", "2018-01-09"]
    assert text.count("<svg") == 2  # one for screens, one for phones
    assert text.count(">zero volume<") == 2
    assert "repeated opens" not in text
    assert text.count("var(--warning)") >= 2 * (2 + 2)  # two marks and two spans, drawn twice


def test_pages_stand_alone_and_are_the_same_bytes(indices: Inspection) -> None:
    for made in (findings_page(indices), symbol_page(indices.of("^GSPC"))):
        text = made.decode()
        parsed = parse(made)
        assert (parsed.unbalanced, parsed.open_tags) == ([], [])
        assert not re.search(r"https?:|@import|url\((?!#)|<script|<img|<link", text)
        assert "#0102" not in text  # every ink has become a variable of the page
        for name in set(re.findall(r"var\(--(\w+)\)", text)) - {"s", "tone"}:  # which elements set
            assert f"--{name}:" in text
    again = inspect_bars(Sample("indices").load(), "my study")
    assert findings_page(again) == findings_page(indices)
    assert symbol_page(again.of("^GSPC")) == symbol_page(indices.of("^GSPC"))


def test_names_are_text_and_no_markup() -> None:
    days = pd.bdate_range("2024-01-02", periods=30)
    bars = Bars.from_close(pd.DataFrame({"A&<b>[x]": np.linspace(10.0, 11.0, 30)}, days), periods_per_year=252)
    found = inspect_bars(bars, "<i>")
    for made in (findings_page(found), symbol_page(found.of("A&<b>[x]"))):
        assert b"<i>" not in made
        assert b"A&amp;&lt;b&gt;[x]" in made
    assert "<i>" in printed(found)
    assert "nothing found" in printed(found)
    assert "No rule found anything." in findings_page(found).decode()


@pytest.mark.parametrize(
    ("symbol", "name"), [("AAPL", "AAPL.html"), ("^GSPC", "^GSPC.html"), ("../x", "..%2Fx.html"), ("A B", "A%20B.html")]
)
def test_a_page_stays_in_its_folder(symbol: str, name: str) -> None:
    assert page_name(symbol) == name


def test_dirty_rows_can_be_drawn() -> None:
    """Prices that cannot be, a bar without a close, one row alone, an hour's bars, no volume: each is drawn."""
    days = pd.bdate_range("2024-01-02", periods=6)
    rows = pd.DataFrame({"open": np.nan, "high": np.nan, "low": np.nan, "close": [10.0, 0.0, -1.0, np.nan, 11.0, 12.0],
                         "volume": np.nan, "split": [1.0, 1.0, 0.0, np.nan, 2.0, 1.0], "dividend": 0.0}, days)  # fmt: skip
    wrong = [
        Finding(symbol="A", date=day, until=day, rule="not positive", severity=level, evidence="x")
        for day, level in zip(
            days, [Severity.NOTE, Severity.ERROR, Severity.ERROR, *[Severity.WARNING] * 3], strict=True
        )
    ]
    hours = rows.set_axis(pd.date_range("2024-01-02 14:30", periods=6, freq="h", tz="UTC"))
    volume = rows.assign(volume=[0.0, 1e6, 2.5e6, np.nan, 0.0, 1.0])
    for shown, found in (
        (rows, wrong),
        (rows.iloc[:1], wrong[:1]),
        (rows.iloc[1:3], wrong[1:3]),
        (hours, []),
        (volume, wrong),
    ):
        page = symbol_page(Inspection("mine", {"A": shown}, None, Findings(found))).decode()
        assert ("Volume</text>" in page or ">Volume<" in page) is (shown is volume)
        assert len(parse(page.encode()).rows) == (len(found) + 1 if found else 0)
    assert ">2024-01-02<" in symbol_page(Inspection("mine", {"A": hours}, None, Findings())).decode()  # a tick


def test_prices_are_drawn_in_the_shares_of_the_last_bar() -> None:
    from quantml.reports.quotes import _shares

    assert _shares(np.array([1.0, 2.0, 1.0, 3.0])).tolist() == [1 / 6, 2 / 6, 2 / 6, 1.0]


def test_the_terminal_shows_the_same(indices: Inspection) -> None:
    text = printed(indices)
    assert "10,062 bars of 2 symbols, 1999-01-04 to 2018-12-31: 5 warnings." in text
    assert re.search(r"\^IXIC +2015-05-12 +warning +zero volume +No volume, although", text)


def test_plain_values_name_everything(indices: Inspection) -> None:
    values = findings_values(indices.of("^IXIC"))
    assert values["counts"] == {"error": 0, "warning": 2, "note": 0}
    assert [one["rule"] for one in values["findings"]] == ["zero volume"] * 2
    assert (values["name"], values["symbols"], values["bars"]) == ("my study", ["^IXIC"], 5031)
    assert summary(replace(indices, findings=Findings())).endswith("2018-12-31: nothing found")
