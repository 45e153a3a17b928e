"""What single sections of a report say of studies that differ in one thing; expected values are worked by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.canonical import canonical
from quantml.reports import accuracy, activity, folds, omissions, performance, provenance
from quantml.reports.facts import Facts
from quantml.reports.tables import Entry
from quantml.runs import Run
from quantml.simulation import Costs, Execution, Margin, Simulator
from tests.reports.conftest import make_run, rendered


def facts_of(
    run: Run, *, study: dict[str, Any] | None = None, data: dict[str, Any] | None = None, **tables: Any
) -> Facts:
    manifest = dict(run.manifest)
    manifest["study"] = {**manifest["study"], **(study or {})}
    manifest["data"] = {**manifest["data"], **(data or {})}
    return Facts.of(replace(run, manifest=manifest, **tables))


def said(entries: tuple[Entry, ...], term: str) -> Entry:
    return next(entry for entry in entries if entry.term == term)


# ------------------------------------------------------------------------ folds


def scored(plain: Run, objective: str, in_sample: float, out_of_sample: float) -> Facts:
    table = plain.folds.assign(in_sample=in_sample, out_of_sample=out_of_sample)
    return facts_of(plain, study={"tuning": {"objective": objective}}, folds=table)


def test_a_metric_of_risk_is_shown_as_it_is_and_lower_is_better(plain: Run) -> None:
    facts = scored(plain, "annual_volatility", -0.10, -0.25)  # kept with its sign turned
    told = folds.summary(facts).replace("\u202f", " ")
    assert "mean Volatility per year (lower is better) was 10.0 % in sample and 25.0 % out of sample" in told
    assert f"out of sample was worse in {len(plain.folds)} of {len(plain.folds)}." in told
    row = [cell.replace("\u202f", " ") for cell in folds.table(facts).rows[0]]
    assert (row[-4], row[-2]) == ("10.0 %", "25.0 %")
    picture = folds.picture(facts)
    assert picture is not None
    assert "circle lies higher, the future kept less" in picture.caption
    assert "(lower is better)" in picture.wide
    assert "%" in picture.wide


def test_a_metric_that_is_better_when_higher_keeps_its_sign(plain: Run) -> None:
    facts = scored(plain, "sharpe_ratio", 1.5, 0.5)
    assert "mean Sharpe ratio (higher is better) was 1.50 in sample and 0.50 out of sample" in folds.summary(facts)
    picture = folds.picture(facts)
    assert picture is not None
    assert "circle lies lower" in picture.caption


def test_a_function_of_the_study_is_an_objective_by_its_own_name(plain: Run) -> None:
    own = {"tuning": {"objective": {"function": "mine.gain", "code": "..."}}}
    facts = facts_of(plain, study=own)
    assert (facts.goal.name, facts.goal.lower_is_better) == ("gain", False)


# ------------------------------------------------------------- cash and returns


def test_without_a_rate_the_report_says_that_cash_earns_nothing(plain: Run) -> None:
    assert "Sharpe ratios take the riskless rate as zero" in rendered(plain)
    assert "riskless rate as zero" in said(omissions.omissions(Facts.of(plain)), "Interest on cash").text
    assert [row[0] for row in activity.costs(Facts.of(plain)).rows][-1] == "All"


def test_what_is_declared_of_each_cost_is_told(plain: Run) -> None:
    costs = Costs(commission_bps=1, commission_per_share=0.01, commission_minimum=2, commission_maximum=50,
                  commission_tiers=((0, 5), (1e4, 2)), slippage_volatility=0.1, impact=0.8, impact_permanent=0.1)  # fmt: skip
    rows = {row[0]: row[1] for row in activity.costs(facts_of(plain, study={"costs": canonical(costs)})).rows}
    assert rows["Commission"] == (
        "1 bps of each fill's value; bps by size of fill: 5 from 0, 2 from 10,000; 0.01 a share; at least 2 a fill;"
        " at most 50 a fill"
    )
    assert rows["Slippage"] == "0 bps of each fill's value; 0.1 standard deviations of a bar"
    assert rows["Impact"].startswith(
        "0.8 standard deviations of a bar, times the root of the share of usual volume; 0.1"
    )


def test_what_hangs_on_the_order_within_bars_is_told(plain: Run) -> None:
    assert not any("stop" in entry.term for entry in activity.summary(facts_of(plain)))
    before = plain.equity["equity"]
    equity = plain.equity.assign(optimistic_equity=before + np.linspace(0.0, 1000.0, len(before)))
    told = activity.summary(facts_of(plain, equity=equity))[-1]
    assert told.term == "Bars that touch two prices"
    assert 0.0 <= float(told.text.split("%")[0].strip()) <= 100.0


def test_what_is_modelled_is_not_said_to_be_left_out(plain: Run) -> None:
    simulator = Simulator(execution=Execution(lot=1, participation=0.1), margin=Margin(leverage=1.0))
    study = {"costs": canonical(Costs(impact=1.0)), "simulator": canonical(simulator)}
    names = {entry.term for entry in omissions.omissions(facts_of(plain, study=study))}
    assert not names & {"Market impact", "Participation", "Whole shares", "Margin rules", "Trading costs", "Slippage"}
    assert {"Market impact", "Whole shares, margin rules"} <= {
        entry.term for entry in omissions.omissions(facts_of(plain))
    }


def test_interest_is_shown_beside_the_costs(plain: Run) -> None:
    bars = len(plain.equity)
    equity = plain.equity.assign(interest=2.0, risk_free=0.05 / 252)
    facts = facts_of(plain, study={"cash": 0.05}, equity=equity)
    row = activity.costs(facts).rows[-1]
    assert [cell.replace("\u202f", " ") for cell in row[:3]] == ["Interest on cash", "5.00 % a year", f"+{2 * bars:,}"]
    assert "beyond cash, which earned 5.0 % a year on average" in performance.riskless(facts).replace("\u202f", " ")
    assert "Interest on cash" not in [entry.term for entry in omissions.omissions(facts)]
    table = {"type": "quantml.cash.CashRate", "table": "bills", "column": "yield", "periods_per_year": 1.0}
    for times, unit in ((1.0, "a year"), (12, "a period, 12 of them a year")):
        rate = {**table, "periods_per_year": times}
        row = activity.costs(facts_of(plain, study={"cash": rate}, equity=equity)).rows[-1]
        assert row[1] == f"yield of the table bills, {unit}"


def test_a_year_without_a_position_has_no_rolling_ratio() -> None:
    def held(bars: Any) -> Any:
        weights = np.full((len(bars), 3), 0.2)
        weights[300:700] = 0.0
        return weights

    run = make_run(900, weights=held, forecasts=False)
    noise = 1e-17 * np.random.default_rng(1).standard_normal(900)  # what cash at its own rate leaves of returns
    run = replace(run, equity=run.equity.assign(returns=run.equity["returns"] + noise))
    drawn = performance.rolling(Facts.of(run))
    assert drawn is not None
    lines = re.findall(r'<path d="([^"]+)"', drawn.wide)
    assert max(path.count("M ") for path in lines) == 2  # one line, lifted once


def test_what_a_trade_s_return_is_of_is_said(plain: Run) -> None:
    assert "over everything bought during it" in rendered(plain)


# -------------------------------------------------------------------- forecasts


def direction(plain: Run, realised: list[float], mean: list[float]) -> Facts:
    rows = len(realised)
    table = pd.DataFrame({"time": pd.bdate_range("2024-01-01", periods=rows), "symbol": "A", "fold": 0, "mean": mean,
                          "baseline": 0.5, "realised": realised})  # fmt: skip
    run = replace(plain, forecasts=table, manifest={**plain.manifest, "accuracy": ACCURACY})
    return facts_of(run, study={"target": {"type": "quantml.targets.Direction", "horizon": 1}})


ACCURACY = {"pairs": 5, "left_out": 0, "directional_accuracy": 0.4, "naive_directional_accuracy": 0.5, "skill": 0.1}


def test_a_direction_stands_beside_always_saying_the_more_frequent_one(plain: Run) -> None:
    facts = direction(plain, [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, np.nan], [0.6, 0.4, 0.4, 0.4, 0.7, 0.5, 0.2])
    # five outcomes have a forecast with a direction, three of them up
    assert accuracy.majority(facts) == accuracy.Majority("up", 0.6)
    told = accuracy.finding(facts).replace("\u202f", " ")
    assert "It had the direction right 40.0 % of the time; always saying up would have been right 60.0 %" in told
    head, *cells = accuracy.table(facts).rows[1]
    assert head == "Directional accuracy, beside always up"
    assert [cell.replace("\u202f", " ") for cell in cells] == ["40.0 %", "60.0 %", "always up"]
    down = direction(plain, [0.0, 0.0, 0.0, 1.0], [0.6, 0.6, 0.6, 0.6])
    assert accuracy.majority(down) == accuracy.Majority("down", 0.75)


def test_a_probability_is_compared_with_one_half(plain: Run) -> None:
    facts = direction(plain, [1.0, 0.0], [0.7, 0.7])
    # squared errors 0.09 and 0.49 against 0.25 twice
    told = accuracy.finding(facts).replace("\u202f", " ")
    assert "Compared with always saying one half, its squared error of the probability was 16.00 % larger." in told
    assert "always saying one half is the rival that counts" in accuracy.rival(facts)
    picture = accuracy.picture(facts)
    assert picture is not None
    assert "against always saying one half" in picture.label


def test_a_volatility_has_no_more_frequent_direction(plain: Run) -> None:
    run = replace(plain, manifest={**plain.manifest, "accuracy": {"pairs": 5, "skill": 0.1, "rmse": 0.1}})
    assert accuracy.majority(Facts.of(run)) is None


# ------------------------------------------------------------------------- data


def test_an_outside_table_says_when_its_values_count_as_known(plain: Run) -> None:
    outside = {"rates": {"rows": 120, "known_after_days": [59.0, 62.0], "notes": ["From a library."]}}
    entry = said(provenance.data(facts_of(plain, data={"outside": outside})), "Table rates")
    assert entry.text == "yield; 120 rows, each counted as known 59 to 62 days after its date"
    assert entry.parts == ("From a library.",)


@pytest.mark.parametrize(
    ("days", "text"),
    [([0.0, 0.0], "each known on its own date"), ([1.0, 1.0], "each counted as known 1 day after its date")],
)
def test_a_lag_is_said_in_days(plain: Run, days: list[float], text: str) -> None:
    outside = {"rates": {"rows": 1, "known_after_days": days, "notes": []}}
    assert (
        said(provenance.data(facts_of(plain, data={"outside": outside})), "Table rates").text == f"yield; 1 row, {text}"
    )


UNIVERSE: dict[str, Any] = {
    "membership": True,
    "spells": 4,
    "members": [3, 2],
    "never_members": ["C"],
    "without_bars": ["X", "Y"],
    "absent_share": 0.02,
    "late_delistings": ["B"],
    "closings": [
        {"symbol": "B", "last_bar": "2003-05-01", "closed": "2003-05-15", "delisting_return": 0.0, "recorded": False},
        {"symbol": "D", "last_bar": "2004-05-03", "closed": "2004-05-04", "delisting_return": -0.5, "recorded": True},
    ],
}


def test_a_universe_is_told_with_who_left_it_and_who_is_missing(plain: Run) -> None:
    facts = facts_of(plain, data={"universe": UNIVERSE})
    told = provenance.data(facts)
    universe, stopped = said(told, "Universe"), said(told, "Stopped trading")
    assert universe.text == "4 memberships in a table: 3 members on the first bar, 2 on the last"
    assert [part.replace("\u202f", " ") for part in universe.parts] == [
        "never members: C",
        "members without any bar, left out: X, Y",
        "2.00 % of the member-sessions have no prices",
        "closed before their delisting was recorded: B",
    ]
    assert stopped.text == "2 symbols closed for whoever held them"
    assert [part.replace("\u202f", " ") for part in stopped.parts] == [
        "B: last bar 2003-05-01, closed on 2003-05-15 at its last price, no delisting being recorded",
        "D: last bar 2004-05-03, closed on 2004-05-04 at its last price and the recorded delisting return of −50.0 %",
    ]


def test_the_benchmark_is_bought_of_members(plain: Run) -> None:
    assert "every symbol that had a bar" in provenance.benchmark(Facts.of(plain))
    member = provenance.benchmark(facts_of(plain, data={"universe": UNIVERSE}))
    assert "every member of the universe that had a bar" in member


def test_survivorship_is_told_by_what_the_study_knows(plain: Run) -> None:
    named = said(omissions.omissions(Facts.of(plain)), "Survivorship").text
    assert "the symbols are those that the study names" in named.lower()
    member = said(omissions.omissions(facts_of(plain, data={"universe": UNIVERSE})), "Survivorship").text
    assert "membership table's word" in member
    assert "2.00\u202f% of its member-sessions have no prices" in member
    assert "symbols are those that the study names" not in member
    whole = said(
        omissions.omissions(facts_of(plain, data={"universe": {**UNIVERSE, "absent_share": 0.0}})), "Survivorship"
    )
    assert "Every member had been priced" in whole.text


# ------------------------------------------------------------------------- ruin


def test_a_lost_account_is_told_in_the_same_words_everywhere(ruined: Run) -> None:
    assert ruined.verdict is not None
    assert "The account was lost" in ruined.verdict.paragraph
    rows = {row[0]: row for row in performance.headline(Facts.of(ruined)).rows}
    assert rows["Sharpe ratio"][3] == rows["Excess annual return"][3] == "–"
    assert performance.strips(Facts.of(ruined)) == ()
    owed = -ruined.equity["equity"].iloc[-1]
    told = omissions.omissions(Facts.of(ruined))
    assert said(told, "The debt of a lost account").text.startswith(f"When it was lost, {owed:,.0f} were owed")
    assert "Interest on money owed" not in [entry.term for entry in told]  # it was short: cash was never owed before
