"""The record of trials: each once, in any number of processes, whole after a kill, refused where it is damaged."""

import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from quantml.errors import StorageError
from quantml.validation.trials.record import TrialRecord
from quantml.validation.trials.trial import Family, Trial, series_of

RETURNS = pd.Series([0.01, -0.02, 0.03], index=pd.bdate_range("2020-01-01", periods=3))


def trial(name, ratio=1.0, **changes):
    parts = {
        "hash": name, "family": Family("prices", ("A", "B")), "study": f"study_{name}", "run": f"study_{name}/{name}",
        "sharpe_ratio": ratio, "leaked": False, "series": series_of(RETURNS),
        "first": "2010-01-04T00:00:00", "last": "2019-12-31T00:00:00",
    }  # fmt: skip
    return Trial(**{**parts, **changes})


def test_a_trial_is_recorded_once(tmp_path):
    record = TrialRecord(tmp_path)
    assert record.trials() == []
    assert record.add(trial("a", 1.0)).sharpe_ratios == (1.0,)
    assert record.add(trial("b", 3.0)).sharpe_ratios == (1.0, 3.0)
    seen = record.trials()[0].seen
    assert record.add(trial("a", 7.0, run="elsewhere")).sharpe_ratios == (1.0, 3.0)  # as it was first seen
    assert [(one.hash, one.run) for one in record.trials()] == [("a", "study_a/a"), ("b", "study_b/b")]
    assert record.trials()[0].seen == seen
    pd.testing.assert_series_equal(record.returns(record.trials()[1]), RETURNS, check_names=False, check_freq=False,
                                   check_index_type=False)  # fmt: skip


def test_of_a_trial_that_is_run_again_on_more_data_the_longest_record_stands(tmp_path):
    longer = {"run": "longer", "last": "2020-06-30T00:00:00", "series": series_of(RETURNS * 2.0)}
    one, two = TrialRecord(tmp_path / "one"), TrialRecord(tmp_path / "two")
    hashes = [one.add(trial("a", 1.0)).hash, one.add(trial("a", 2.0, **longer)).hash, one.add(trial("a", 1.0)).hash]
    assert hashes[0] != hashes[1] == hashes[2] == two.add(trial("a", 2.0, **longer)).hash
    (found,) = one.trials()
    assert (found.sharpe_ratio, found.run, found.last) == (2.0, "longer", "2020-06-30T00:00:00")
    assert list(one.returns(found)) == [0.02, -0.04, 0.06]
    one.add(trial("a", 3.0, run="earlier", first="2001-01-02T00:00:00", last="2009-12-31T00:00:00"))
    (found,) = one.trials()
    assert (found.sharpe_ratio, found.run) == (2.0, "longer")
    assert (found.first, found.last) == ("2001-01-02T00:00:00", "2020-06-30T00:00:00")


def test_what_a_rerun_on_grown_data_saw_counts_for_the_lockbox(tmp_path):
    record = TrialRecord(tmp_path)
    record.add(trial("a", 0.5, last="2017-12-29T00:00:00"))
    record.add(trial("a", 0.7))
    standing = record.add(opening("b", sharpe_ratio=1.0))
    assert standing.sharpe_ratios == (0.7, 1.0)
    assert "1 of the trials on record had seen a part of it without opening it, among them study_a" in standing.looks[0]


def test_only_related_trials_with_a_ratio_that_could_be_chosen_are_counted(tmp_path):
    record = TrialRecord(tmp_path)
    record.add(trial("other", family=Family("prices", ("C",))))
    record.add(trial("world", family=Family("Synthetic(seed=1)", ("A",))))
    record.add(trial("forecast", math.nan, series=None))
    record.add(trial("leak", 20.0, leaked=True))
    record.add(trial("part", 0.5, family=Family("prices", ("B", "C"))))
    standing = record.add(trial("whole", 1.5))
    assert standing.sharpe_ratios == (0.5, 1.5)
    assert {one.hash for one in standing.trials} == {"forecast", "leak", "part", "whole"}
    assert len(record.trials()) == 6


def test_the_hash_of_a_record_knows_neither_order_nor_time(tmp_path):
    one, two = TrialRecord(tmp_path / "one"), TrialRecord(tmp_path / "two")
    one.add(trial("a")), two.add(trial("b", 2.0))
    standing = one.add(trial("b", 2.0))
    assert standing.hash == two.add(trial("a")).hash == one.add(trial("a")).hash
    assert one.add(trial("c")).hash != standing.hash


def opening(name, since="2018-01-02T00:00:00", **changes):
    return trial(name, sealed=since, first=since, **changes)


def test_a_lockbox_is_counted_by_who_saw_its_stretch(tmp_path, caplog):
    record = TrialRecord(tmp_path)
    record.add(trial("before", 0.5, last="2017-12-29T00:00:00"))
    assert record.add(opening("first", sharpe_ratio=1.0)).sharpe_ratios == (1.0,)
    assert caplog.text == ""
    standing = record.add(opening("second", "2019-01-02T00:00:00", sharpe_ratio=2.0))
    assert standing.sharpe_ratios == (1.0, 2.0)
    (look,) = standing.looks
    day = record.openings()[0]["opened"][:10]
    assert look == (f"Lockbox: what lies from 2019-01-02 to 2019-12-31 was opened before, on {day} by study_first"
                    " (run study_first/first): it is no fresh test any more.")  # fmt: skip
    assert look in caplog.text
    later = record.add(opening("later", "2020-01-02T00:00:00", last="2020-12-31T00:00:00", sharpe_ratio=3.0))
    assert (later.sharpe_ratios, later.looks) == ((3.0,), ())


def test_opening_again_is_told_though_it_is_the_same_trial(tmp_path):
    record = TrialRecord(tmp_path)
    record.add(opening("a"))
    standing = record.add(opening("a"))
    assert (len(standing.sharpe_ratios), len(standing.looks)) == (1, 1)
    assert [row["trial"] for row in record.openings()] == ["a", "a"]


def test_a_study_without_a_lockbox_that_saw_the_stretch_is_told(tmp_path):
    record = TrialRecord(tmp_path)
    record.add(trial("whole"))
    standing = record.add(opening("a"))
    assert len(standing.sharpe_ratios) == 2
    assert "1 of the trials on record had seen a part of it without opening it" in standing.looks[0]


# ---------------------------------------------------------------- processes

ADD = """
import sys
from quantml.validation.trials.record import TrialRecord
from tests.validation.trials.test_record import trial
folder, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
record = TrialRecord(folder)
print("ready", flush=True)
sys.stdin.readline()
for number in range(first, last):
    record.add(trial(f"t{number:03d}", float(number)))
"""


def adding(folder, first, last):
    started = subprocess.Popen([sys.executable, "-c", ADD, str(folder), str(first), str(last)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, env={**os.environ})  # fmt: skip
    assert started.stdout.readline() == "ready\n"
    return started


def test_two_processes_record_at_once(tmp_path):
    both = [adding(tmp_path, 0, 40), adding(tmp_path, 20, 60)]
    for process in both:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.wait(60) for process in both] == [0, 0]
    assert sorted(one.hash for one in TrialRecord(tmp_path).trials()) == [f"t{number:03d}" for number in range(60)]
    for process in both:
        process.stdin.close(), process.stdout.close()


def test_a_killed_process_leaves_whole_trials(tmp_path):
    waits = np.random.default_rng(5).uniform(0.0, 0.05, 3)
    for wait in waits:
        process = adding(tmp_path, 0, 10_000)
        process.stdin.write("\n")
        process.stdin.flush()
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        process.stdin.close(), process.stdout.close()
        listed = sorted(one.hash for one in TrialRecord(tmp_path).trials())
        assert listed == [f"t{number:03d}" for number in range(len(listed))]
    TrialRecord(tmp_path).add(trial("last"))
    with sqlite3.connect(tmp_path / "trials.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


# ---------------------------------------------------------------- bad records


def test_a_record_that_was_only_begun_is_empty(tmp_path):
    (tmp_path / "trials.sqlite").touch()
    TrialRecord(tmp_path).check()
    assert TrialRecord(tmp_path).trials() == []
    assert len(TrialRecord(tmp_path).add(trial("a")).trials) == 1


def test_another_format_version_is_refused_by_name(tmp_path):
    record = TrialRecord(tmp_path)
    record.add(trial("a"))
    with sqlite3.connect(record.path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    for use in (record.check, record.trials, lambda: record.add(trial("b"))):
        with pytest.raises(
            StorageError, match=r"the record of trials must have format version 1; got 2 \(.*trials.sqlite\)"
        ):
            use()


def test_a_damaged_record_is_one_clear_error(tmp_path):
    (tmp_path / "trials.sqlite").write_bytes(b"not a database" * 100)
    for use in (TrialRecord(tmp_path).check, lambda: TrialRecord(tmp_path).add(trial("a"))):
        with pytest.raises(
            StorageError, match=r"the record of trials must be readable and writable; got 'file is not a database'"
        ):
            use()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("update families set symbols = 'oops'", "the family [0-9a-f]{12} cannot be read: JSONDecodeError"),
        ("update families set symbols = '[1]'", "the family [0-9a-f]{12} cannot be read: TypeError"),
        ("delete from families", "the trial a cannot be read: KeyError"),
        ("update trials set sharpe_ratio = 'oops'", "the trial a cannot be read: ValueError"),
        ("update trials set last = x'00'", "the trial a cannot be read: TypeError: last is b"),
        ("update openings set opened = x'00'", "an opening by the trial a cannot be read: TypeError: opened is b"),
    ],
)
def test_a_damaged_cell_is_named_before_any_work(tmp_path, change, text):
    record = TrialRecord(tmp_path)
    record.add(opening("a"))
    with sqlite3.connect(record.path) as connection:
        connection.execute(change)
    connection.close()
    for use in (record.check, lambda: record.add(opening("b", family=Family("prices", ("C",))))):
        with pytest.raises(
            StorageError, match=rf"the record of trials must be readable and writable; got .{text}.*\(.*sqlite\)"
        ):
            use()


def test_a_damaged_series_is_named(tmp_path):
    record = TrialRecord(tmp_path)
    record.add(trial("a"))
    with sqlite3.connect(record.path) as connection:
        connection.execute("update trials set series = x'00'")
    connection.close()
    with pytest.raises(
        StorageError, match=r"got .the series of the trial a cannot be read: ArrowInvalid: .*\(.*sqlite\)"
    ):
        record.returns(record.trials()[0])


def test_a_record_that_is_being_written_is_waited_for_and_then_told(tmp_path):
    TrialRecord(tmp_path).add(trial("a"))
    other = sqlite3.connect(tmp_path / "trials.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StorageError, match=r"got 'database is locked' .*Another process is writing it: run again"):
        TrialRecord(tmp_path, patience=0.05).add(trial("b"))
    other.execute("ROLLBACK")
    other.close()
    assert len(TrialRecord(tmp_path).trials()) == 1


def test_an_unwritable_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="the record of trials must be readable and writable"):
        TrialRecord(tmp_path / "file").add(replace(trial("a"), hash="b"))
