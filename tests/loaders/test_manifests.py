from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from quantml.errors import DataError, StorageError
from quantml.loaders.downloads import Quotation
from quantml.loaders.durable import Durable
from quantml.loaders.manifests import Entry, Manifest, Manifests, Pinned, Snapshot
from quantml.loaders.restatements import Kind, Restatement

TAKEN = pd.Timestamp("2024-01-09 21:00:00.000005", tz="UTC").as_unit("us")
ENTRY = Entry(
    version="a" * 64,
    quarantine="",
    taken=TAKEN,
    checked=TAKEN,
    asked=None,
    overlap=pd.Timestamp("2024-01-02").as_unit("us"),
    last=pd.Timestamp("2024-01-08").as_unit("us"),
    restatements=(Restatement(pd.Timestamp("2024-01-05").as_unit("us"), Kind.DIVIDEND, 0.99, 1.0),),
    quotation=Quotation("USD", "XNYS"),
)
SNAPSHOT = Snapshot(
    "feed-1d",
    (Pinned("B", "b" * 64, "", TAKEN, ENTRY.last), Pinned("A", "a" * 64, "c" * 64, TAKEN, ENTRY.last)),
    start=pd.Timestamp("2020-01-01").as_unit("us"),
    calendar="XNYS",
    periods_per_year=252.0,
)


@pytest.fixture
def manifests(tmp_path: Path) -> Manifests:
    return Manifests(Durable(tmp_path))


def test_the_last_manifest_counts_and_all_stay(manifests: Manifests) -> None:
    assert manifests.newest() == Manifest(0, {})
    assert manifests.follow(manifests.newest(), {"A": ENTRY})
    assert manifests.newest() == Manifest(1, {"A": ENTRY})
    assert manifests.follow(manifests.newest(), {"A": ENTRY, "B": ENTRY})
    assert manifests.newest() == Manifest(2, {"A": ENTRY, "B": ENTRY})
    folder = manifests.files.folder / "manifests"
    assert sorted(path.name for path in folder.iterdir()) == ["000001.json", "000002.json"]


def test_only_one_of_two_follows(manifests: Manifests) -> None:
    before = manifests.newest()
    assert manifests.follow(before, {"A": ENTRY})
    assert not manifests.follow(before, {"B": ENTRY})
    assert manifests.newest().entries == {"A": ENTRY}


def test_without_a_damaged_manifest_the_store_is_as_before_it(manifests: Manifests) -> None:
    manifests.follow(manifests.newest(), {"A": ENTRY})
    manifests.follow(manifests.newest(), {"B": ENTRY})
    path = manifests.files.folder / "manifests" / "000002.json"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(StorageError, match=r"000002.json must be a readable JSON file; .* or remove it"):
        manifests.newest()
    path.unlink()
    assert manifests.newest().entries == {"A": ENTRY}


def test_a_snapshot_comes_back_by_its_id(manifests: Manifests) -> None:
    assert manifests.keep(SNAPSHOT) == SNAPSHOT.id == manifests.keep(SNAPSHOT)
    assert manifests.snapshot(SNAPSHOT.id) == SNAPSHOT


def test_a_snapshot_that_is_not_there_or_was_changed_is_named(manifests: Manifests) -> None:
    for name in ("0123456789abcdef", "../../run", ""):
        with pytest.raises(DataError, match=f"a snapshot must be in the store; got {name!r}"):
            manifests.snapshot(name)
    manifests.keep(SNAPSHOT)
    path = manifests.files.folder / "snapshots" / f"{SNAPSHOT.id}.json"
    path.write_bytes(path.read_bytes().replace(b"XNYS", b"XLON"))
    with pytest.raises(StorageError, match=f"{SNAPSHOT.id}.json must hold what was stored in it"):
        manifests.snapshot(SNAPSHOT.id)


def test_manifests_from_before_quotations_were_kept_are_read(manifests: Manifests) -> None:
    manifests.follow(manifests.newest(), {"A": ENTRY})
    (path,) = (manifests.files.folder / "manifests").iterdir()
    held = json.loads(path.read_text())
    del held["symbols"]["A"]["quotation"]
    path.write_text(json.dumps(held))
    assert manifests.newest().entries["A"] == replace(ENTRY, quotation=Quotation())
