"""How an audit is told: on the page of a run, in a terminal, as JSON, and by exit codes."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

import quantml as qm
from quantml.reports.audit import audit_table, earned
from quantml.reports.page import page
from quantml.runs import load_run
from quantml.validation.audit.findings import Audit, Earned, Leak, Notice
from tests.test_cli import quantml

LABORATORY = Path(__file__).parents[1] / "laboratory"
LEAKING = LABORATORY / "first" / "centred_rolling" / "leak.py"


@pytest.fixture(scope="module")
def leaking(tmp_path_factory):
    return qm.run(qm.load_study(LEAKING), out=tmp_path_factory.mktemp("runs"))


def test_a_leak_makes_the_verdict_void_and_says_why(leaking):
    assert leaking.verdict.outcome == "void"
    assert leaking.verdict.paragraph.startswith("The look-ahead audit found one leak: feature Smoothed(21): it reads")
    assert leaking.verdict.years_needed is None
    assert leaking.leaks[0].startswith("feature Smoothed(21): it reads at least")


def test_a_saved_run_keeps_its_audit(leaking):
    again = load_run(leaking.folder)
    assert (again.verdict.outcome, again.leaks) == ("void", leaking.leaks)
    (found,) = again.manifest["audit"]["leaks"]
    assert (found["stage"], found["part"], found["symbol"]) == ("feature", "Smoothed(21)", "^GSPC")
    assert found["reads"] in ("", "close")


def test_the_page_shows_the_leak_in_place_of_the_ranges(leaking):
    text = page(leaking)[1].decode()
    head, section = text.partition('<section id="audit">')[::2]
    assert '<section class="verdict void"' in head
    assert 'class="strips"' not in head
    assert "Smoothed(21)" in section.partition("</section>")[0]


def test_a_run_from_before_there_was_an_audit_has_no_section(leaking):
    old = load_run(leaking.folder)
    del old.manifest["audit"]
    assert '<section id="audit">' not in page(old)[1].decode()
    assert old.leaks == ()


def shown(found):
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(audit_table(found))
    return console.export_text()


def test_a_terminal_shows_every_leak_and_notice():
    leak = Leak("feature", "gap", "it reads ahead.", "A", pd.Timestamp("2020-01-02"), 3, "close")
    found = Audit("mine", (leak,), (Notice("survivorship", "universe", "All traded."),), (pd.Timestamp("2020-02-03"),), (1,),
                  Earned(1.5, 0.25, ("gap",)))  # fmt: skip
    text = shown(found)
    for part in (
        "1 leak",
        "2020-01-02 A",
        "it reads ahead. It reads close.",
        "Survivorship: All traded.",
        "at 1 moment, and 1 fold",
    ):
        assert part in text
    assert "Sharpe ratio 1.50 with gap, 0.25 without." in text
    assert json.loads(json.dumps(found.as_values()))["leaks"][0]["first"] == "2020-01-02"


def test_what_cannot_be_earned_is_said():
    found = Audit("mine", (), (), (), (), Earned(1.5, None, ("gap",), "no other feature is left"))
    assert earned(found) == "Sharpe ratio 1.50 with gap; without, nothing could be run: no other feature is left."
    assert "no leak found" in shown(Audit("mine", (), (), (), ()))


def test_what_could_not_be_audited_is_not_called_clean(leaking):
    notice = Notice("not audited", "gap", "It fails.")
    assert "no leak found in what could be audited" in shown(Audit("mine", (), (notice,), (), ()))
    old = load_run(leaking.folder)
    old.manifest["audit"] |= {"leaks": [], "passed": True, "complete": False}
    assert "Nothing of what could be audited and was computed, fitted" in page(old)[1].decode()
    old.manifest["audit"]["complete"] = True
    assert "Nothing computed, fitted" in page(old)[1].decode()


def test_commands_exit_with_3_where_a_leak_is_found(tmp_path):
    ran = quantml("run", LEAKING, "--out", tmp_path, "--json", folder=tmp_path)
    assert (ran.returncode, json.loads(ran.stdout)["verdict"]["outcome"]) == (3, "void")
    audited = quantml("audit", LEAKING, "--json", folder=tmp_path)
    assert audited.returncode == 3
    found = json.loads(audited.stdout)
    assert (found["passed"], found["full"], found["leaks"][0]["ahead"]) == (False, True, 10)
    assert found["earned"]["sharpe_ratio"] > 3.0 > found["earned"]["without"]  # ten days ahead are worth much


def test_a_clean_study_exits_with_0_and_a_wrong_one_with_2(tmp_path):
    clean = quantml("audit", LEAKING.with_name("clean.py"), folder=tmp_path)
    assert (clean.returncode, "no leak found" in clean.stdout) == (0, True)
    wrong = quantml("audit", LEAKING, "--set", "validation.tset=1m", folder=tmp_path)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: ")
