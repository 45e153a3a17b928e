from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from quantml.errors import StorageError
from quantml.loaders.durable import ABANDONED, Durable, check_format, read_json


def test_a_name_can_be_taken_once(tmp_path: Path) -> None:
    files, path = Durable(tmp_path), tmp_path / "a" / "b" / "1.json"
    assert files.create(path, b"first")
    assert not files.create(path, b"second")
    assert path.read_bytes() == b"first"
    assert list((tmp_path / "partial").iterdir()) == []


def test_a_file_is_written_once_and_healed_where_it_was_damaged(tmp_path: Path) -> None:
    files, path = Durable(tmp_path), tmp_path / "a"
    files.write(path, b"whole")
    before = path.stat().st_mtime_ns
    files.write(path, b"whole")
    assert path.stat().st_mtime_ns == before
    path.write_bytes(b"wh")
    files.write(path, b"whole")
    assert path.read_bytes() == b"whole"


def test_only_what_was_abandoned_is_swept(tmp_path: Path) -> None:
    files = Durable(tmp_path)
    with files.aside() as young, files.aside() as old:
        os.utime(old, (0.0, time.time() - ABANDONED - 60.0))
        files.sweep()
        assert (young.exists(), old.exists()) == (True, False)


@pytest.mark.parametrize("write", [Durable.write, Durable.create])
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, write: object) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path):
        with pytest.raises(StorageError, match="the store must be writable; got .*file"):
            write(Durable(folder), tmp_path / "file" / "a", b"")  # type: ignore[operator]
    assert (tmp_path / "file").read_text() == ""


def test_json_of_the_store_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assert read_json(path, b'{"format": 1, "a": 2}', "") == {"format": 1, "a": 2}
    with pytest.raises(StorageError, match="a.json must be a readable JSON file; .* Restore it"):
        read_json(path, b'{"format": 1, "a', "Restore it.")
    with pytest.raises(StorageError, match="a.json must be a readable JSON file"):
        read_json(path, b"[]", "")
    with pytest.raises(StorageError, match=r"a.json must have format version 1; got 2\. Another version of quantml"):
        read_json(path, b'{"format": 2}', "")


def test_an_unknown_format_is_refused_by_name(tmp_path: Path) -> None:
    check_format(tmp_path / "x", "1")
    with pytest.raises(StorageError, match="x must have format version 1; got 'none'"):
        check_format(tmp_path / "x", "none")
