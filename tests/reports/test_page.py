from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from quantml.reports.page import page
from quantml.runs import Run, load_run, save
from tests.reports.conftest import make_run, parse, rendered

EVERY = ["plain", "forecast_only", "untraded", "short", "ruined"]


@pytest.fixture(params=EVERY)
def any_run(request: pytest.FixtureRequest) -> Run:
    run: Run = request.getfixturevalue(request.param)
    return run


# ------------------------------------------------------------------ the bytes


def test_equal_runs_give_equal_bytes(any_run: Run) -> None:
    assert page(any_run) == ("report.html", rendered(any_run).encode())


def test_a_run_read_from_its_folder_gives_the_bytes_of_the_finished_one(any_run: Run, tmp_path: Path) -> None:
    saved = save(any_run, tmp_path, (page,))
    assert saved.folder is not None
    written = (saved.folder / "report.html").read_bytes()
    assert written.decode() == rendered(any_run)
    assert page(load_run(saved.folder))[1] == written


def test_no_reader_s_setting_changes_a_byte(plain: Run, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("font.size: 30\nlines.linewidth: 9\nsvg.fonttype: path\naxes.grid: True\n")
    script = (
        "import locale, pickle, sys\n"
        "from quantml.reports.page import page\n"
        "sys.stdout.buffer.write(page(pickle.load(sys.stdin.buffer))[1])\n"
    )
    environment = {**os.environ, "MATPLOTLIBRC": str(tmp_path), "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    done = subprocess.run(
        [sys.executable, "-c", script], input=pickle.dumps(plain), capture_output=True, env=environment, check=True
    )
    assert done.stdout.decode() == rendered(plain)


def test_the_page_stays_small() -> None:
    assert len(page(make_run(5000))[1]) < 1_500_000


# ------------------------------------------------------------------- the file


def test_the_page_stands_alone(any_run: Run) -> None:
    text = rendered(any_run)
    parsed = parse(any_run)
    assert "http:" not in text
    assert "https:" not in text
    assert "@import" not in text
    assert re.findall(r"url\((?!#)", text) == []
    loading = [
        (tag, name, value) for tag, name, value in parsed.attributes if name in ("src", "href", "srcset", "data")
    ]
    assert all(value.startswith("#") for _, _, value in loading)
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _, _ in parsed.attributes}


def test_the_page_names_no_place_on_this_machine(any_run: Run, tmp_path: Path) -> None:
    text = page(replace(any_run, folder=tmp_path))[1].decode()
    assert str(tmp_path) not in text
    assert str(Path.home()) not in text
    assert str(Path(__file__).parents[2]) not in text


def test_tags_are_balanced_and_identifiers_unique(any_run: Run) -> None:
    parsed = parse(any_run)
    identifiers = [value for _, name, value in parsed.attributes if name == "id"]
    assert parsed.unbalanced == []
    assert parsed.open_tags == []
    assert len(identifiers) == len(set(identifiers))


def test_every_reference_inside_the_page_has_its_target(any_run: Run) -> None:
    parsed = parse(any_run)
    text = rendered(any_run)
    identifiers = {value for _, name, value in parsed.attributes if name == "id"}
    referred = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", text))
    referred |= {value for _, name, value in parsed.attributes if name == "aria-labelledby"}
    assert referred <= identifiers


def test_what_a_user_wrote_is_text_and_no_markup() -> None:
    run = make_run(120, name="<script>alert(1)</script>", notes=("<b>bold</b> & co",))
    text = page(run)[1].decode()
    assert "<script" not in text
    assert "<i>" not in text
    assert "<b>bold" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "A&amp;B&lt;i&gt;" in text


def test_colours_are_the_page_s_own(plain: Run) -> None:
    text = rendered(plain)
    drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawings) == 10
    assert all(re.findall(r"#[0-9a-f]{6}", drawing) == [] for drawing in drawings)
    used = set(re.findall(r"var\((--\w+)\)", text))
    assert used - {"--s", "--tone"} <= set(re.findall(r"(--\w+):", text.partition("</style>")[0]))


# --------------------------------------------------------------- what it says


def test_every_section_is_there(plain: Run) -> None:
    parsed = parse(plain)
    assert list(parsed.sections) == ["verdict", "headline", "growth", "folds", "accuracy", "trades", "run", "omissions"]


def test_numbers_of_the_headline_are_the_run_s(plain: Run) -> None:
    parsed = parse(plain)
    own, other = plain.manifest["metrics"], plain.manifest["benchmark_metrics"]
    assert plain.verdict is not None
    interval = plain.verdict.sharpe_ratio
    sharpe = parsed.row("Sharpe ratio")
    assert sharpe[:2] == [f"{own['sharpe_ratio']:.2f}", f"{other['sharpe_ratio']:.2f}"]
    assert sharpe[2] == f"{interval.low:.2f} to {interval.high:.2f}"
    assert parsed.row("Total return")[:2] == [
        f"{100 * own['total_return']:.1f}%",
        f"{100 * other['total_return']:.1f}%",
    ]
    assert parsed.row("Maximum drawdown")[0] == f"{100 * own['max_drawdown']:.1f}%"
    excess = plain.verdict.excess_return
    assert parsed.row("Excess annual return")[2] == f"{100 * excess.low:.1f}% to {100 * excess.high:.1f}%"


def test_every_metric_is_listed_with_its_full_name(plain: Run) -> None:
    parsed = parse(plain)
    at = next(k for k, cells in enumerate(parsed.rows) if cells and cells[-1] == "What it is")
    listed = parsed.rows[at + 1 : at + 1 + len(plain.metrics)]
    assert len(plain.metrics) >= 25
    assert all(len(cells) == 4 and len(cells[3]) > 10 for cells in listed)


def test_years_compound_to_the_total(plain: Run) -> None:
    parsed = parse(plain)
    years = [parsed.row(year) for year in ("2003", "2004", "2005", "2006")]
    grown = 1.0
    for cells in years:
        grown *= 1.0 + float(cells[12].rstrip("%")) / 100.0
    assert grown - 1.0 == pytest.approx(plain.metrics["total_return"], abs=0.004)


def test_months_compound_to_their_year(plain: Run) -> None:
    cells = parse(plain).row("2004")
    grown = 1.0
    for month in cells[:12]:
        grown *= 1.0 + float(month) / 100.0
    assert grown - 1.0 == pytest.approx(float(cells[12].rstrip("%")) / 100.0, abs=0.01)


def test_costs_add_up(plain: Run) -> None:
    parsed = parse(plain)
    amounts = [float(parsed.row(kind)[1]) for kind in ("Commission", "Spread", "Slippage", "Borrow", "Financing")]
    charged = plain.equity[["commission", "spread", "slippage", "borrow", "financing"]].to_numpy().sum()
    assert float(parsed.row("All")[1]) == pytest.approx(charged, abs=1.0)
    assert sum(amounts) == pytest.approx(charged, abs=3.0)
    assert amounts[1] == pytest.approx(2.0 * amounts[0], abs=2.0)  # half of 4 bps beside 1 bps


def test_every_fold_has_its_row(plain: Run) -> None:
    parsed = parse(plain)
    at = next(k for k, cells in enumerate(parsed.rows) if cells and cells[0] == "Fold")
    listed = parsed.rows[at + 1 : at + 1 + len(plain.folds)]
    assert [cells[0] for cells in listed] == [str(number) for number in plain.folds["fold"]]
    assert listed[1][2] == f"{plain.folds['test_first'][1]:%Y-%m-%d}"
    scores = [f"{plain.folds[name][1]:.2f}" for name in ("in_sample", "validation", "out_of_sample", "efficiency")]
    assert [cell.replace("−", "-") for cell in listed[1][-4:]] == scores
    second = next(k for k, cells in enumerate(parsed.rows) if cells[:1] == ["Fold"] and k > at)
    assert parsed.rows[second + 2][-3:] == ["threshold 0.001", "threshold 0.0", "0.50"]


def test_the_verdict_stands_in_words_with_the_loader_s_caution(plain: Run) -> None:
    verdict = parse(plain).sections["verdict"]
    assert plain.verdict is not None
    word = {"supported": "Supported", "inconclusive": "Inconclusive", "rejected": "Rejected"}[plain.verdict.outcome]
    assert word in verdict
    assert plain.verdict.paragraph[:60] in verdict
    assert "Survivorship: the three were chosen afterwards." in verdict
    assert "Prices are invented." not in verdict


def test_what_was_run_is_told(plain: Run) -> None:
    told = parse(plain).sections["run"]
    for part in ("Prices are invented.", "12 sessions", "2003-02-14", "[x]: 2003-03-03", "Momentum(window=21)", "numpy",
                 "a" * 64, plain.manifest["identity"]["data"], "validation.test=3m", "XNYS"):  # fmt: skip
        assert part in told


def test_what_is_not_modelled_follows_from_the_study(plain: Run, untraded: Run) -> None:
    left_out, idle = parse(plain).sections["omissions"], parse(untraded).sections["omissions"]
    for term in ("Slippage", "Borrow fees", "Market impact", "Taxes", "Survivorship", "Number of trials"):
        assert term in left_out
    assert "Borrow fees" not in idle


def test_accuracy_is_told_beside_the_naive_forecast_and_zero(plain: Run) -> None:
    parsed = parse(plain)
    found = plain.manifest["accuracy"]
    assert parsed.row("Root mean squared error")[:2] == [f"{found['rmse']:.4g}", f"{found['naive_rmse']:.4g}"]
    told = parsed.sections["accuracy"]
    assert f"Over {found['pairs']:,} forecasts" in told
    assert "always saying zero" in told


# ------------------------------------------------------------ the other shapes


def test_a_rule_has_no_accuracy(untraded: Run) -> None:
    assert "it forecasts nothing" in parse(untraded).sections["accuracy"]


def test_a_study_that_only_forecasts_has_no_trading_sections(forecast_only: Run) -> None:
    parsed = parse(forecast_only)
    assert list(parsed.sections) == ["verdict", "folds", "accuracy", "run", "omissions"]
    assert "nothing traded" in parsed.sections["verdict"]
    assert "In sample" not in [cell for cells in parsed.rows for cell in cells]


def test_a_strategy_that_never_trades_says_so(untraded: Run) -> None:
    parsed = parse(untraded)
    assert "never traded" in parsed.sections["trades"]
    assert parsed.row("Sharpe ratio")[0] == "–"
    assert parsed.row("Total return")[0] == "0.0%"


def test_a_short_record_has_no_rolling_ratio(short: Run) -> None:
    parsed = parse(short)
    assert "too short" in parsed.sections["growth"]
    assert "executed at the decision price" in parsed.sections["run"]


def test_a_lost_account_is_named_with_its_day(ruined: Run) -> None:
    parsed = parse(ruined)
    assert f"The account was lost on {ruined.manifest['ruined_at']:%Y-%m-%d}" in parsed.sections["verdict"]
    assert "Rejected" in parsed.sections["verdict"]
    assert parsed.row("Total return")[0] == "-100.0%"
