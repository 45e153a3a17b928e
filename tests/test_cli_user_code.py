"""What a study's own code prints, raises or leaves behind, as a user of the command line meets it."""

import json
import os
import re
import shutil
import sys

import pytest

from quantml.cli import main
from quantml.cli.terminal import prints_to_stderr
from quantml.errors import StorageError
from quantml.runs import find_run, list_runs, load_run
from tests.test_cli import CROSS, quantml, study

RULE = "study = Study(data=data, **rule)"
LOUD = """
import os
print("at import")
def loud(bars):
    print("in a feature")
    os.system("echo from a child")
    return bars.close
class Step:
    def fit(self, train):
        print("in a fit")
        return self
    def __call__(self, inputs, context):
        print("in a step")
        return Sign()(inputs, context)
study = Study(data=data, features=[loud], **{**model, "signal": Step()})
"""


@pytest.mark.parametrize("how", [["run"], ["run", "--workers", "1"], ["forecast"]], ids=" ".join)
def test_what_a_study_prints_goes_to_standard_error(tmp_path, how):
    done = quantml(how[0], study(tmp_path, LOUD), "--json", *how[1:], folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)
    assert done.stdout.count("\n") == 1
    for text in ("at import", "in a feature", "from a child", "in a fit", "in a step"):
        assert text in done.stderr


def test_what_is_printed_appears_at_once(capsys):
    with prints_to_stderr():
        print("in the middle of a long run")  # noqa: T201
        assert capsys.readouterr() == ("", "in the middle of a long run\n")
    print("the result")  # noqa: T201
    assert capsys.readouterr().out == "the result\n"


PLACE = f"(line {CROSS.count(chr(10)) + 2} of mine.py)."
RAISING = {
    "feature": (
        "def bad(bars):\n    return 1 / 0\nstudy = Study(data=data, features=[bad], **model)",
        f"feature bad failed: ZeroDivisionError: division by zero {PLACE}",
    ),
    "step that exits": (
        "def bad(inputs, context):\n    raise SystemExit\nstudy = Study(data=data, **{**rule, 'signal': bad})",
        f"signal step 1 (bad) failed: SystemExit {PLACE}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", RAISING)
def test_an_error_of_user_code_is_bad_input_with_its_place(tmp_path, what):
    line, text = RAISING[what]
    done = quantml("run", study(tmp_path, line), folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert text in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("text", ["", "nat", "yesterday-ish", "now", "2018-13-01"])
def test_an_as_of_that_is_no_date_is_refused(monkeypatch, capsys, text):
    monkeypatch.setattr(sys, "argv", ["quantml", "forecast", "mine.py", "--as-of", text])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"error: --as-of must be a date such as 2018-06-29; got {text!r}.\n"


def test_an_as_of_with_a_time_zone_is_refused_for_sessions(tmp_path):
    done = quantml("forecast", study(tmp_path, RULE), "--as-of", "2018-06-29T10:00+02:00", folder=tmp_path)
    assert (done.returncode, "must have no time zone" in done.stderr) == (2, True)
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with two finished runs of one study, and their folders, the older first."""
    folder = tmp_path_factory.mktemp("two")
    path = study(folder, RULE)
    ran = [quantml("run", path, "--set", f"seed={seed}", "--json", folder=folder) for seed in (0, 1)]
    return folder, [f"backtests/{json.loads(done.stdout)['run']}" for done in ran]


@pytest.fixture
def two(made, tmp_path):
    """A copy of them, to be damaged."""
    shutil.copytree(made[0], tmp_path, dirs_exist_ok=True)
    return tmp_path, [tmp_path / part for part in made[1]]


def test_writing_an_old_report_again_does_not_make_its_run_the_newest(two):
    folder, (older, newer) = two
    (older / "report.html").write_text("lost")
    assert list_runs(folder / "backtests") == [newer, older]
    assert quantml("report", f"mine/{older.name}", folder=folder).returncode == 0
    assert list_runs(folder / "backtests") == [newer, older]
    assert find_run("mine", folder / "backtests") == newer


def test_a_run_without_a_time_of_its_end_is_as_old_as_its_manifest(two):
    folder, (older, newer) = two
    (older / "timing.json").write_text('{"format": 1}')
    os.utime(older / "run.json", (4e9, 4e9))
    assert list_runs(folder / "backtests") == [older, newer]


DAMAGE = {
    "a missing part": (lambda content: content.pop("identity"), "'identity'; got 'nothing'"),
    "a missing part below": (lambda content: content["data"].pop("notes"), "'data.notes'; got 'nothing'"),
    "a wrong type": (lambda content: content.update(metrics=[1]), "'metrics'; got 'list'"),
    "an unknown fill": (lambda content: content.update(fill="noon"), "hold a fill and times that can be read"),
    "a time that is none": (lambda content: content.update(last_decision="soon"), "hold a fill and times"),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_manifest_is_refused_by_name(two, how):
    _, (older, _) = two
    change, text = DAMAGE[how]
    content = json.loads((older / "run.json").read_text())
    change(content)
    (older / "run.json").write_text(json.dumps(content))
    with pytest.raises(StorageError, match=re.escape(text)) as caught:
        load_run(older)
    assert str(caught.value).startswith(f"{older / 'run.json'} must hold ")


def test_a_damaged_run_is_left_out_of_the_list_and_refused_for_a_report(two):
    folder, (older, newer) = two
    (older / "run.json").write_text("[1]")
    listed = quantml("runs", "--json", folder=folder)
    assert listed.returncode == 0
    assert [part["run"] for part in json.loads(listed.stdout)["runs"]] == [f"mine/{newer.name}"]
    assert listed.stderr.startswith("warning: left out: ")
    done = quantml("report", older, folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("must hold a JSON object; got 'list'.\n")


@pytest.mark.parametrize("change", [{"outcome": "perfect"}, {"sharpe_ratio": 1.0}, {"sharpe_ratio": {"ends": 3}}])
def test_a_damaged_verdict_is_refused(two, change):
    _, (older, _) = two
    content = json.loads((older / "verdict.json").read_text())
    (older / "verdict.json").write_text(json.dumps({**content, **change}))
    with pytest.raises(StorageError, match=r"verdict.json must hold a verdict"):
        load_run(older)
