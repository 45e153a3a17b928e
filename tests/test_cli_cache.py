"""What is kept, shown and removed on the command line."""

import json

from tests.test_cli import quantml, study


def test_what_is_kept_is_shown_demanded_and_removed(tmp_path):
    path = study(tmp_path, "study = Study(data=data, **rule)")
    refused = quantml("run", path, "--resume", folder=tmp_path)
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (2, "", 1)
    assert "error: a study that is resumed must have kept work of its own" in refused.stderr
    assert f"({tmp_path / 'backtests' / '.cache'}). Leave --resume out to begin anew" in refused.stderr
    assert quantml("cache", folder=tmp_path).stdout.startswith("Nothing is kept in ")
    first = quantml("run", path, "--json", folder=tmp_path)
    again = quantml("run", path, "--resume", "--json", folder=tmp_path)
    assert (again.returncode, again.stdout) == (0, first.stdout)
    shown = json.loads(quantml("cache", "--json", folder=tmp_path).stdout)
    assert [row["study"] for row in shown["studies"]] == ["mine"]
    assert (shown["entries"], shown["limit"]) == (3, 2_000_000_000)  # the score in sample of each of three folds
    table = quantml("cache", folder=tmp_path).stdout
    assert "mine" in table
    assert "3 entries, " in table
    odd = quantml("cache", "--to", "1MB", folder=tmp_path)
    assert (odd.returncode, odd.stderr) == (2, "error: --to must be given with --prune; got '1MB'.\n")
    pruned = json.loads(quantml("cache", "--prune", "--to", "0", "--json", folder=tmp_path).stdout)
    assert (pruned["entries"], pruned["removed"]) == (0, {"bytes": shown["bytes"], "files": shown["files"]})
    assert quantml("run", path, "--resume", folder=tmp_path).returncode == 2
