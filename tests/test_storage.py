"""Files with the same bytes for the same content, and folders that are whole or not there."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from quantml import storage
from quantml.errors import StorageError

FRAME = pd.DataFrame(
    {
        "time": pd.to_datetime(["2020-01-01", "2020-01-02"]),
        "symbol": ["A", None],
        "fold": [0, 1],
        "mean": [0.5, np.nan],
        "chosen": [True, False],
    }
)


def test_parquet_is_deterministic_reads_back_and_keeps_no_pandas_metadata(tmp_path):
    content = storage.parquet_bytes(FRAME)
    assert content == storage.parquet_bytes(FRAME.copy())
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    assert set(pq.read_metadata(path).metadata) == {b"quantml_format"}
    back = storage.read_parquet(path)
    assert back["time"].tolist() == FRAME["time"].tolist()
    assert back["mean"].iloc[0] == 0.5
    assert back["symbol"].isna().tolist() == [False, True]
    assert str(pq.read_schema(path).field("time").type) == "timestamp[us]"


def test_an_empty_table_keeps_its_columns_types(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(storage.parquet_bytes(FRAME.iloc[:0]))
    assert [str(part.type) for part in pq.read_schema(path)] == ["timestamp[us]", "string", "int64", "double", "bool"]


@pytest.mark.parametrize("content", [b"", b"PAR1 no", b"not parquet at all"])
def test_a_damaged_parquet_file_is_named(tmp_path, content):
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"a.parquet must be a readable Parquet file"):
        storage.read_parquet(path)


def test_json_writes_what_is_not_a_number_as_null_and_sorts_its_keys():
    assert storage.json_bytes({"b": float("nan"), "a": np.float64(1.0)}) == b'{\n "a": 1.0,\n "b": null\n}\n'


def test_another_format_version_is_refused_by_name(tmp_path):
    path = tmp_path / "run.json"
    path.write_text('{"format": 99}')
    with pytest.raises(StorageError, match="must have format version 1; got 99"):
        storage.read_json(path)


def test_an_equal_folder_is_kept_and_another_is_an_error(tmp_path):
    files = {"a": b"1", "sub/b": b"2", "timing.json": b"3"}
    folder = tmp_path / "study" / "run"
    assert storage.write_folder(folder, files)
    assert not storage.write_folder(folder, {**files, "timing.json": b"4"}, volatile=frozenset({"timing.json"}))
    assert (folder / "timing.json").read_bytes() == b"3"
    with pytest.raises(StorageError, match="must equal the same run's new file"):
        storage.write_folder(folder, {**files, "a": b"9"})
    assert (folder / "sub" / "b").read_bytes() == b"2"


def test_a_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(StorageError):
        storage.write_folder(tmp_path / "run", {"a": b"1", "a/b": b"2"})
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_below_a_file_is_refused_before_any_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="the output folder must be below a folder"):
        storage.check_writable(tmp_path / "file" / "runs")
    storage.check_writable(tmp_path / "new" / "runs")
    assert not (tmp_path / "new").exists()
