"""`quantml sensitivity` as a user meets it."""

import json

from tests.test_cli import CROSS, quantml

STUDY = (
    CROSS
    + """
model = {**model, "forecaster": HistoricalMean(), "signal": Sign(threshold=0.001)}
study = Study(data=data, **model, costs=Costs(spread_bps=2))
"""
)


def test_a_run_is_asked_by_name_its_folder_stays_as_it_is_and_a_page_is_written_where_asked(tmp_path):
    (tmp_path / "mine.py").write_text(STUDY)
    assert quantml("run", "mine.py", "--json", folder=tmp_path).returncode == 0
    (folder,) = (tmp_path / "backtests" / "mine").iterdir()
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = quantml("sensitivity", "mine", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Break-even: " in done.stdout
    asked = quantml("sensitivity", f"mine/{folder.name}", "--json", "--out", "pages/s.html", folder=tmp_path)
    values = json.loads(asked.stdout)
    assert (asked.returncode, values["page"]) == (0, "pages/s.html")
    assert len(values["cells"]) > 150
    assert values["absent"] == {"borrow_bps": "Nothing is sold short, so that nothing is borrowed."}
    assert sum(cell["declared"] for cell in values["cells"]) == 2  # in costs and trading
    assert "<h1>mine/" in (tmp_path / "pages" / "s.html").read_text()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    (folder / "source" / "mine.py").unlink()
    done = quantml("sensitivity", "mine", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: the run mine/")
    assert done.stderr.count("\n") == 1
    done = quantml("sensitivity", "yours", folder=tmp_path)
    assert (done.returncode, "a run must be named by its folder, STUDY/RUN or hash" in done.stderr) == (2, True)
