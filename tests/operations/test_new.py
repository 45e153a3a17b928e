"""New study files: names that would hide other modules, and a template that passes this repository's own checks."""

import subprocess
import sys
from pathlib import Path

import pytest

from quantml.errors import StudyError
from quantml.operations import new_study

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["class", "None", "two words", "1st", ""])
def test_a_name_that_no_module_can_have_is_refused(tmp_path, name):
    with pytest.raises(StudyError, match="a study's name must be a Python module's name, such as my_study; got"):
        new_study(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["json", "numpy", "pandas", "quantml", "sklearn", "random"])
def test_a_name_that_would_hide_another_module_is_refused(tmp_path, name):
    rule = rf"^a study's name must not be that of a module which studies may import; got '{name}'. Choose another, such"
    with pytest.raises(StudyError, match=rule):
        new_study(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_new_file_passes_this_repository_s_own_checks(tmp_path):
    path = new_study("my_study", tmp_path)
    for how in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        command = [sys.executable, "-m", "ruff", *how, "--config", str(ROOT / "pyproject.toml"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
