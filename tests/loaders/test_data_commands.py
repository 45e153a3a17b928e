"""`quantml data` as its user meets it: exit codes, what is printed where, and what is written."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from quantml import cli
from tests.loaders.test_yahoo import APPLE, OTHER
from tests.loaders.yahoo_server import YahooServer, status

STUDY = """
from quantml import Fill, Study, WalkForward
from quantml.loaders import Stored, Yahoo
from quantml.signals import MovingAverageCross
yahoo = Yahoo(["AAPL"], start="2020-08-01", end="2020-09-04", periods_per_year=252, cache="store/.yfinance")
print("loaded")
study = Study(data=Stored(yahoo, folder="store"), signal=MovingAverageCross(2, 5), fill=Fill.NEXT_CLOSE,
              validation=WalkForward(train=2, test=1))
"""


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def values(self) -> dict[str, Any]:
        """The one object on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found


Quantml = Callable[..., Done]


@pytest.fixture
def quantml(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    server: YahooServer,
    curl: Any,
    waits: list[float],
) -> Iterator[Quantml]:
    """Run a command in `tmp_path`; the session that yfinance makes for itself reaches the server."""
    server.listings |= {"AAPL": replace(APPLE, exchange="NMS"), "OTHER": OTHER}
    monkeypatch.setattr("yfinance.data.new_session", lambda: curl)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
    logger = logging.getLogger("quantml.loaders")
    before = list(logger.handlers)

    def command(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["quantml", "data", *arguments])
        logger.handlers[:] = before
        with pytest.raises(SystemExit) as caught:
            cli.main()
        return Done(int(caught.value.code or 0), *capfd.readouterr())

    yield command
    logger.handlers[:] = before


def pull(quantml: Quantml, *symbols: str, end: str = "2020-09-04") -> Done:
    return quantml("pull", *symbols, "--start", "2020-08-01", "--end", end, "--store", "store")


def test_pull_says_what_it_stored_and_keeps_caches_in_the_store(quantml: Quantml, tmp_path: Path) -> None:
    done = pull(quantml, "AAPL", "OTHER")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == "yahoo-1d"
    assert any(line.split()[:5] == ["AAPL", "2020-08-06", "2020-08-31", "4", "4"] for line in done.out.splitlines())
    assert (tmp_path / "store" / ".yfinance" / "tkr-tz.db").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]
    assert pull(quantml, "AAPL", "OTHER").code == 0


def test_json_is_one_object_for_every_command(quantml: Quantml, tmp_path: Path) -> None:
    pulled = quantml(
        "pull", "AAPL", "--start", "2020-08-01", "--end", "2020-09-04", "--store", "store", "--json"
    ).values
    assert pulled["symbols"]["AAPL"] == {
        "first": "2020-08-06T00:00:00", "last": "2020-08-31T00:00:00", "downloaded": 4, "taken": 4, "restated": [],
        "quarantined": 0, "failed": None,
    }  # fmt: skip
    checked = quantml("check", "AAPL", "--store", "store", "--json").values
    assert (checked["name"], checked["symbols"], checked["bars"]) == ("yahoo-1d", ["AAPL"], 4)
    assert {one["rule"] for one in checked["findings"]} == {"missing session"}  # of the New York Stock Exchange
    shown = quantml("show", "AAPL", "--store", "store", "--out", "pages", "--json").values
    assert shown["page"] == "pages/AAPL.html"
    assert (tmp_path / "pages" / "AAPL.html").read_text().startswith("<!DOCTYPE html>")


def test_a_symbol_that_fails_is_an_alarm_and_loses_nothing(quantml: Quantml) -> None:
    done = pull(quantml, "AAPL", "GONE")
    assert done.code == 3
    assert "GONE: Yahoo must list the symbol; got 'GONE'." in done.err
    assert "Nothing stored of GONE." in done.out
    assert quantml("check", "AAPL", "--store", "store").code == 3  # sessions are missing


def test_nothing_at_all_is_bad_input(quantml: Quantml) -> None:
    done = pull(quantml, "GONE")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[-1].startswith("error: Yahoo must list the symbol; got 'GONE'.")
    assert "Traceback" not in done.err


def test_offline_the_age_of_what_is_stored_is_told(quantml: Quantml, server: YahooServer) -> None:
    assert pull(quantml, "AAPL").code == 0
    server.always("AAPL", status(429))
    done = quantml("pull", "AAPL", "--start", "2020-08-01", "--store", "store")
    assert done.code == 3
    (line,) = done.err.splitlines()
    assert line.startswith("warning: yahoo-1d: no answer for AAPL: Yahoo must answer; got 'YFRateLimitError")
    assert "The bars until 2020-08-31 stand, as of " in line
    assert line.endswith("less than a minute ago.")


def test_a_study_offline_goes_on_with_a_warning(quantml: Quantml, server: YahooServer, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(STUDY.replace('end="2020-09-04", ', ""))
    online = quantml("check", "mine.py", "--json")
    assert (online.values["name"], online.err) == ("mine", "loaded\n")
    server.always("AAPL", status(429))
    offline = quantml("check", "mine.py", "--json")
    assert offline.values == online.values
    assert "The bars until 2020-08-31 stand, as of " in offline.err


def test_bars_told_differently_are_quarantined_shown_and_found(quantml: Quantml, server: YahooServer) -> None:
    pull(quantml, "AAPL", end="2020-08-30")
    bars = dict(APPLE.bars)
    bars["2020-08-07"] = (113.205, 113.675, 110.2925, 112.0, 198_045_600)
    server.listings["AAPL"] = replace(APPLE, bars=bars)
    done = pull(quantml, "AAPL")
    assert done.code == 3
    assert "1 bar quarantined" in done.out
    assert "warning: yahoo-1d: AAPL: " in done.err
    found = quantml("check", "AAPL", "--store", "store", "--json").values["findings"]
    assert [one["date"][:10] for one in found if one["rule"] == "quarantine"] == ["2020-08-07"]


def test_renew_takes_the_source_s_word(quantml: Quantml, server: YahooServer) -> None:
    pull(quantml, "AAPL", end="2020-08-30")
    bars = {**APPLE.bars, "2020-08-07": (113.205, 113.675, 110.2925, 112.0, 198_045_600)}
    server.listings["AAPL"] = replace(APPLE, bars=bars, exchange="NMS")
    assert "quantml data pull --renew" in pull(quantml, "AAPL").err
    renewed = quantml("pull", "AAPL", "--start", "2020-08-01", "--end", "2020-09-04", "--store", "store", "--renew")
    assert (renewed.code, renewed.err) == (0, "")
    found = quantml("check", "AAPL", "--store", "store", "--json").values["findings"]
    assert "quarantine" not in {one["rule"] for one in found}


def test_check_writes_a_page_where_it_is_told_to(quantml: Quantml, tmp_path: Path) -> None:
    pull(quantml, "AAPL", "OTHER")
    done = quantml("check", "AAPL", "OTHER", "--store", "store", "--out", "pages/all.html")
    assert (done.code, done.out.splitlines()[-1]) == (3, "Page: pages/all.html")
    assert "missing session" in (tmp_path / "pages" / "all.html").read_text()
    assert [path.name for path in (tmp_path / "pages").iterdir()] == ["all.html"]


def test_a_study_s_data_are_checked_before_its_policies_act(quantml: Quantml, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from quantml import Fill, Study, WalkForward\n"
        "from quantml.loaders import Sample\n"
        "from quantml.loaders.quality import DropBar, Quality, Raise, RepeatedOpens, ZeroVolume\n"
        "from quantml.signals import MovingAverageCross\n"
        "study = Study(data=Sample('indices'), signal=MovingAverageCross(2, 5), fill=Fill.NEXT_CLOSE,\n"
        "              quality=Quality([DropBar(ZeroVolume()), Raise(RepeatedOpens())]),\n"
        "              validation=WalkForward(train='3y', test='1y'))\n"
    )
    found = quantml("check", "mine.py", "--json").values["findings"]
    assert [one["rule"] for one in found] == ["repeated opens"] * 3 + ["zero volume"] * 2


def test_sound_data_are_no_alarm(quantml: Quantml, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        STUDY.replace("Stored(yahoo, folder=\"store\")", "Synthetic(symbols=2, sessions=300)")
        .replace("import Stored, Yahoo", "import Synthetic, Yahoo")
    )  # fmt: skip
    done = quantml("check", "mine.py")
    assert done.code == 0
    assert "600 bars of 2 symbols" in done.out
    assert "nothing found" in done.out
    assert quantml("show", "S1", "--study", "mine.py").out == "S1.html\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pull", "AAPL", "--interval", "3d"), "Yahoo.interval must be one of Yahoo's of a day or less; got '3d'."),
        (("pull", "AAPL", "--start", "yesterday"), "Yahoo.start must be an ISO date"),
        (("pull", "AAPL", "aapl"), "Yahoo.symbols must be a list of different symbols"),
        (("check", "AAPL"), "the store must have bars of every symbol of yahoo-1d; got 'none of AAPL'"),
        (("check", "mine.py", "AAPL"), "quantml data check must be given one study, or symbols"),
        (("check", "mine.py"), "a study must be an existing Python file; got 'mine.py'"),
        (("show", "AAPL", "--study", "mine.py"), "a study must be an existing Python file; got 'mine.py'"),
    ],
)
def test_bad_input_is_one_line_exit_2_and_nothing_written(
    quantml: Quantml, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = quantml(*arguments)
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith(f"error: {said}")
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_cannot_be_written_is_bad_input(quantml: Quantml, tmp_path: Path) -> None:
    pull(quantml, "AAPL")
    (tmp_path / "file").write_text("")
    done = quantml("show", "AAPL", "--store", "store", "--out", "file")
    assert (done.code, "error: file/AAPL.html must be writable" in done.err) == (2, True)
