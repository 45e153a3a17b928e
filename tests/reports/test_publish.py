from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from quantml.errors import StorageError
from quantml.reports import publish, write_report
from quantml.reports.page import page
from quantml.runs import Run, save
from quantml.signals import MovingAverageCross
from quantml.study import Study
from quantml.validation.splits import WalkForward
from tests.reports.conftest import made_bars


def test_a_study_runs_with_its_report_and_without_noise(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    study = Study(
        data=made_bars(400),
        signal=MovingAverageCross(fast=5, slow=20),
        validation=WalkForward(train=200, test=100),
    )
    finished = publish.run(study, out=tmp_path, progress=True, settings=["costs.commission_bps=2"])
    assert finished.folder is not None
    assert (finished.folder / "report.html").read_bytes() == page(finished)[1]
    assert b"costs.commission_bps=2" in page(finished)[1]
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def folder(plain: Run, tmp_path: Path) -> Path:
    saved = save(plain, tmp_path, (page,))
    assert saved.folder is not None
    return saved.folder


def test_an_equal_report_is_left_alone(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = (folder / "report.html").stat().st_mtime_ns
    with caplog.at_level(logging.INFO, "quantml.reports"):
        assert write_report(folder) == folder / "report.html"
    assert (folder / "report.html").stat().st_mtime_ns == before
    assert "unchanged" in caplog.text


@pytest.mark.parametrize("lost", ["missing", "edited"])
def test_a_lost_report_is_written_again(folder: Path, lost: str) -> None:
    path = folder / "report.html"
    content = path.read_bytes()
    path.unlink()
    if lost == "edited":
        path.write_bytes(content[:100])
    assert write_report(folder).read_bytes() == content
    assert sorted(part.name for part in folder.glob(".*")) == []


def test_a_failed_write_leaves_the_old_report(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "report.html").write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(StorageError, match="disk full"):
        write_report(folder)
    assert (folder / "report.html").read_bytes() == b"old"
    assert list(folder.glob(".*")) == []


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="existing folder"):
        write_report(tmp_path / "nothing")


def test_the_package_imports_nothing_heavy() -> None:
    script = (
        "import sys, quantml.reports\n"
        "print(sorted({'matplotlib', 'jinja2', 'pandas', 'rich', 'numpy'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
