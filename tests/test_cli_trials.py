"""Trials and the lockbox on the command line."""

import json

from tests.test_cli import quantml, study


def test_runs_are_counted_and_a_lockbox_is_opened_aloud(tmp_path):
    path = study(tmp_path, "study = Study(data=data, **rule, lockbox='2018-01-01')")
    first = json.loads(quantml("run", path, "--json", folder=tmp_path).stdout)
    assert first["verdict"]["deflation"]["trials"] == 1
    done = quantml("run", path, "--set", "signal.0.slow=100", folder=tmp_path)
    assert "one of 2 variants on record" in done.stdout.replace("\n", " ")
    assert quantml("audit", path, folder=tmp_path).returncode == 0
    looked = quantml("forecast", path, folder=tmp_path).stdout.replace("\n", " ")
    assert "Lockbox: this decision stands on sealed bars, those from 2018-01-02 on. No look is recorded." in looked
    inside = json.loads(quantml("forecast", path, "--json", "--as-of", "2017-06-30", folder=tmp_path).stdout)
    assert inside["sealed"] is None
    opened = json.loads(quantml("run", path, "--open-lockbox", "--json", folder=tmp_path).stdout)
    assert (opened["verdict"]["deflation"]["trials"], opened["verdict"]["deflation"]["looks"]) == (1, [])
    again = quantml("run", path, "--open-lockbox", "--set", "lockbox=6m", folder=tmp_path)
    assert "Caution: Lockbox: what lies from 2018-07-02 to 2018-12-31 was opened before" in again.stdout.replace(
        "\n", " "
    )
    listed = json.loads(quantml("trials", "--json", folder=tmp_path).stdout)
    assert [row["sealed"] is None for row in listed["trials"]] == [True, True, False, False]
    assert [row["sealed"][:10] for row in listed["openings"]] == ["2018-01-02", "2018-07-02"]
    other = quantml("trials", "--family", "AAPL,IBM", "--json", folder=tmp_path)
    assert (other.returncode, other.stdout, len(other.stderr.splitlines())) == (2, "", 1)
    assert "--family must name a symbol that a trial is on; got 'AAPL,IBM'. Known: ^GSPC, ^IXIC." in other.stderr
    assert (
        len(json.loads(quantml("trials", "--family", "AAPL, ^GSPC", "--json", folder=tmp_path).stdout)["trials"]) == 4
    )
    assert "4 trials, of which 4 count." in quantml("trials", folder=tmp_path).stdout


def test_a_file_is_no_folder_of_runs(tmp_path):
    (tmp_path / "file").write_text("")
    done = quantml("trials", "--out", "file", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "error: the folder of runs must be a folder; got 'file'.\n")
    assert quantml("trials", "--out", "new", "--family", "ZZZ", folder=tmp_path).stdout.startswith("No trials here.")


def test_a_damaged_record_is_one_line_and_nothing_is_run(tmp_path):
    path = study(tmp_path, "study = Study(data=data, **rule)")
    (tmp_path / "backtests").mkdir()
    (tmp_path / "backtests" / "trials.sqlite").write_text("damaged " * 100)
    for command in (("run", path), ("trials",)):
        done = quantml(*command, folder=tmp_path)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert "the record of trials must be readable and writable; got 'file is not a database'" in done.stderr
    assert [part.name for part in (tmp_path / "backtests").iterdir()] == ["trials.sqlite"]
