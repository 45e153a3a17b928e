"""What the report says of a study's quality policies."""

from __future__ import annotations

import html
from dataclasses import replace

import pandas as pd

from quantml.bars import Bars
from quantml.canonical import canonical
from quantml.loaders import Sample
from quantml.loaders.quality import DropBar, ForwardFill, Quality, Raise, Spike, ZeroVolume
from quantml.record import quality_facts
from quantml.reports.page import page
from quantml.runs import Run
from tests.reports.conftest import Parsed

INDICES = Sample("indices", start="2014-01-01").load()


def told(run: Run, quality: Quality | None, bars: Bars = INDICES) -> Parsed:
    market = (quality or Quality()).apply(bars)
    data = {**run.manifest["data"], "quality": quality_facts(market)}
    study = {**run.manifest["study"], "quality": canonical(quality)}
    parsed = Parsed()
    parsed.feed(page(replace(run, manifest={**run.manifest, "data": data, "study": study}))[1].decode())
    return parsed


def plain(parsed: Parsed) -> str:
    return " ".join(html.unescape(parsed.sections["run"]).split())


def test_without_policies_nothing_was_repaired(untraded: Run) -> None:
    sentence = "the study declares no policies: its bars were used as they were loaded, and nothing was repaired"
    assert sentence in plain(told(untraded, None))
    parsed = Parsed()  # a run from before there were policies
    parsed.feed(page(untraded)[1].decode())
    assert sentence in plain(parsed)


def test_what_was_found_and_done_is_listed_with_its_evidence(untraded: Run) -> None:
    parsed = told(untraded, Quality([DropBar(ZeroVolume()), ForwardFill(Spike(), limit=2)]))
    text = plain(parsed)
    assert "DropBar(rules=[ZeroVolume()])" in text
    assert "Found2 warningszero volume: 2 warnings" in text
    assert "2 actions, listed below" in text
    assert DropBar.hindsight in text
    (first, second) = [cells for cells in parsed.rows if cells[0] == "^IXIC"]
    assert first == ["^IXIC", "2015-05-12", "dropped 1 bar: zero volume",
                     "No volume, although the price moved from 4993.57 to 4976.19."]  # fmt: skip
    assert second[1] == "2018-01-09"


def test_policies_that_had_nothing_to_do(untraded: Run) -> None:
    text = plain(told(untraded, Quality(Raise(Spike()))))
    assert "Foundnothing" in text
    assert "Done about itnothing" in text
    assert "Hindsight" not in text


def test_a_long_list_is_cut_and_says_where_the_rest_is(untraded: Run) -> None:
    days = pd.bdate_range("2010-01-01", periods=2500)
    row = pd.Series(range(2500), index=days)
    close = pd.DataFrame(dict.fromkeys("ABC", 100.0 + 0.01 * (row % 7)))
    volume = pd.DataFrame(dict.fromkeys("ABC", 1000.0 * (row % 25 != 24)))
    bars = Bars.from_frame(pd.concat({"close": close, "volume": volume}, axis=1), periods_per_year=252)
    parsed = told(untraded, Quality(DropBar(ZeroVolume())), bars)
    assert "300 actions, listed below" in plain(parsed)
    assert sum(cells[2:3] == ["dropped 1 bar: zero volume"] for cells in parsed.rows) == 200
    assert ["", "", "and 100 more", "They are in run.json."] in parsed.rows
