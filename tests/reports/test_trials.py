"""The list of trials, as a table and as plain values."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from quantml.errors import ParameterError
from quantml.reports.trials import listed_trials, trials_table, trials_values
from quantml.validation.trials.record import TrialRecord
from quantml.validation.trials.trial import Family, Trial

ONE = Trial(
    hash="a" * 64, family=Family("prices", ("[x]", "B")), study="mine", run="mine/0123456789ab", sharpe_ratio=-0.5,
    leaked=False, series=None, first="2010-01-04T00:00:00", last="2019-12-31T00:00:00",
)  # fmt: skip


def shown(folder: Path, width: int = 200, symbols: list[str] | None = None) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(trials_table(listed_trials(folder, symbols)), markup=False)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return str(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    record = TrialRecord(tmp_path)
    record.add(ONE)
    record.add(replace(ONE, hash="b" * 64, run="mine/ba9876543210", leaked=True, family=Family("prices", ("C",))))
    record.add(replace(ONE, hash="c" * 64, sharpe_ratio=float("nan")))
    record.add(replace(ONE, hash="d" * 64, sealed="2018-01-02T00:00:00"))
    (tmp_path / "mine" / "0123456789ab").mkdir(parents=True)
    return tmp_path


def test_a_row_says_when_what_on_which_data_and_what_it_showed(folder: Path) -> None:
    lines = shown(folder).splitlines()
    seen = TrialRecord(folder).trials()[0].seen[:10]
    rows = [line.split() for line in lines if line.startswith(f" {seen}")]
    assert rows[0] == [seen, "aaaaaaaa", "mine/0123456789ab", "[x],", "B", "−0.50"]
    assert rows[1] == [seen, "bbbbbbbb", "mine/ba9876543210", "(gone)", "C", "−0.50", "void"]
    assert rows[2][-2:] == ["no", "ratio"]
    assert rows[3][-1] == "lockbox"
    assert lines[-2:] == [
        f"mine opened its lockbox on {seen}: 2018-01-02 to 2019-12-31.",
        "4 trials, of which 2 count.",
    ]


def test_hashes_stay_whole_where_it_is_narrow(folder: Path) -> None:
    assert "0123456789ab" in shown(folder, width=60)


def test_trials_of_a_symbol(folder: Path) -> None:
    assert "1 trial, of which 0 count." in shown(folder, symbols=["C", "D"])
    known = r"--family must name a symbol that a trial is on; got 'D'\. Known: B, C, \[x\]\."
    with pytest.raises(ParameterError, match=known):
        shown(folder, symbols=["D"])
    empty = "No trials here. A run that is kept is one: quantml run STUDY.py\n"
    assert shown(folder / "none", symbols=["D"]) == empty


def test_plain_values(folder: Path) -> None:
    values = trials_values(listed_trials(folder))
    assert [row["counts"] for row in values["trials"]] == [True, False, False, True]
    assert [row["folder"] is None for row in values["trials"]] == [False, True, False, False]
    assert values["trials"][0]["family"] == {"world": "prices", "symbols": ["[x]", "B"]}
    assert [row["sealed"] for row in values["openings"]] == ["2018-01-02T00:00:00"]
