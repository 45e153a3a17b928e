"""`quantml matrix` as a user meets it."""

import json

import pytest

from tests.test_cli import quantml, study


def test_a_grid_is_run_shown_and_kept(tmp_path):
    path = study(tmp_path, "print('hello'); study = Study(data=data, features=[Momentum(5)], **model)")
    done = quantml("matrix", path, "--test", "6m", "--offsets", "0,5", "--json", "--workers", "2", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("hello")
    values = json.loads(done.stdout)
    assert [(cell["train"], cell["test"], cell["offset"], cell["declared"]) for cell in values["cells"]] == [
        ("2y", "6m", 0, False), ("2y", "6m", 5, False), ("2y", "1y", 0, True), ("2y", "1y", 5, False),
    ]  # fmt: skip
    assert 0.0 <= values["luck"] <= 1.0
    assert "luck of the calendar" in (tmp_path / "backtests" / "mine" / "matrix.html").read_text()
    assert values["page"].endswith("matrix.html")
    assert len(list((tmp_path / "backtests" / "mine").glob("*/run.json"))) == 4
    listed = json.loads(quantml("trials", "--json", folder=tmp_path).stdout)
    assert len(listed["trials"]) == 4


BAD = {
    "no offsets": ((), "offsets must hold two different starts at least; got 'none'"),
    "strange": (("--offsets", "0,soon"), "cell train=2y, test=1y, offset=soon: WalkForward.offset must be"),
    "too long": (("--offsets", "0,5", "--train", "2y,9y"), "cell train=9y, test=1y, offset=0: train and the first test"),
    "combinatorial": (("--offsets", "0,5", "--set", "validation=3"), "validation must be an object"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_2(tmp_path, name):
    arguments, text = BAD[name]
    done = quantml("matrix", study(tmp_path, "study = Study(data=data, **rule)"), *arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "backtests").exists()
