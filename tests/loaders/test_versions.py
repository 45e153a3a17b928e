from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quantml.errors import ParameterError, StorageError
from quantml.loaders.durable import Durable
from quantml.loaders.versions import DEEPEST, Versions
from tests.loaders.feed import prices

ROWS = prices(100, seed=0, split=(50, 2.0))


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(left, right, check_freq=False)


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(Durable(tmp_path), "^GSPC")


def test_rows_come_back_as_they_were(versions: Versions) -> None:
    same(versions.bars(versions.append(ROWS)), ROWS)
    intraday = ROWS.set_axis(pd.date_range("2024-01-02 14:30", periods=100, freq="5min", tz="UTC", unit="us"))
    same(versions.bars(versions.append(intraday)), intraday)
    assert versions.bars("").empty


def test_every_state_stays_readable(versions: Versions) -> None:
    first = versions.append(ROWS.iloc[:60])
    second = versions.append(ROWS.iloc[60:], first)
    corrected = ROWS.iloc[[10]].assign(dividend=0.5)
    third = versions.append(corrected, second)
    same(versions.bars(first), ROWS.iloc[:60])
    same(versions.bars(second), ROWS)
    assert versions.bars(third)["dividend"].to_numpy().nonzero()[0].tolist() == [10]
    assert len(versions.bars(third)) == 100


def test_bars_are_never_read_from_many_files(versions: Versions) -> None:
    version, names = "", []
    for row in range(100):
        version = versions.append(ROWS.iloc[[row]], version)
        names.append(version)
    whole = [name for name in names if len(pq.read_table(versions.folder / f"{name}.parquet")) > 1]
    assert [names.index(name) for name in whole] == list(range(DEEPEST, 100, DEEPEST))
    same(versions.bars(version), ROWS)
    same(versions.bars(names[40]), ROWS.iloc[:41])


def test_a_file_is_named_by_its_content_and_says_what_it_is(versions: Versions) -> None:
    first = versions.append(ROWS)
    second = versions.append(ROWS.iloc[-1:], first)
    path = versions.folder / f"{second}.parquet"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == second
    facts = {b"quantml_store": b"1", b"symbol": b"^GSPC", b"parent": first.encode(), b"depth": b"1"}
    assert pq.read_metadata(path).metadata == facts
    assert versions.append(ROWS) == first


@pytest.mark.parametrize(
    ("symbol", "folder"),
    [("^GSPC", "^GSPC"), ("EURUSD=X", "EURUSD=X"), ("BRK/B", "BRK%2FB"), ("..", "%2E%2E"), ("a\\b", "a%5Cb")],
)
def test_a_symbol_s_folder_stays_in_the_store(tmp_path: Path, symbol: str, folder: str) -> None:
    assert Versions(Durable(tmp_path), symbol).folder == tmp_path / "symbols" / folder


def test_a_symbol_has_a_name(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="a symbol must be a name of 1 to 80 characters; got ''"):
        Versions(Durable(tmp_path), "").append(ROWS)


@pytest.mark.parametrize("damage", [b"", b"PAR1", None])
def test_a_damaged_or_lost_file_is_named(versions: Versions, damage: bytes | None) -> None:
    first = versions.append(ROWS)
    second = versions.append(ROWS.iloc[-1:], first)
    path = versions.folder / f"{first}.parquet"
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    with pytest.raises(StorageError, match=rf"{first}.parquet must (be readable|hold what was stored in it)"):
        versions.bars(second)


def test_one_flipped_bit_is_found(versions: Versions) -> None:
    version = versions.append(ROWS)
    path = versions.folder / f"{version}.parquet"
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        StorageError, match="must hold what was stored in it; got 'other bytes'. Restore it from a copy"
    ):
        versions.bars(version)


@pytest.mark.parametrize(("facts", "got"), [({"quantml_store": "2"}, "'2'"), (None, "'none'")])
def test_another_format_version_is_refused_by_name(versions: Versions, facts: dict[str, str] | None, got: str) -> None:
    sink = pa.BufferOutputStream()
    table = pa.table({"time": [1]}).replace_schema_metadata(facts)
    pq.write_table(table, sink)
    content = sink.getvalue().to_pybytes()
    name = hashlib.sha256(content).hexdigest()
    versions.folder.mkdir(parents=True)
    (versions.folder / f"{name}.parquet").write_bytes(content)
    with pytest.raises(StorageError, match=f"{name}.parquet must have format version 1; got {got}"):
        versions.bars(name)
