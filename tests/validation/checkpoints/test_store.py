"""The folder of kept work: what is damaged is not there, what is old goes first, and what vanishes is made again."""

import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantml.errors import ParameterError
from quantml.reports.cache import kept_work
from quantml.study_file import load_study
from quantml.validation.blocks import Block
from quantml.validation.checkpoints import content, memory
from quantml.validation.checkpoints.keeping import Checkpoints
from quantml.validation.checkpoints.memory import Entry, Ground, Kind, Memory, key_of
from quantml.validation.checkpoints.store import NAME, Store, read_limit, read_size
from quantml.validation.messages import collected_warnings
from quantml.validation.walkforward import walk_forward
from tests.validation.checkpoints.study import run_at, write_study

GROUP, OTHER = "a" * 64, "b" * 64
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


def block(mean, **more):
    return Block(np.arange(len(mean)), np.array(mean).reshape(-1, 1), more.get("probability"), more.get("variance"))


def bits(made):
    if isinstance(made, Block):
        return [bits(getattr(made, name)) for name in ("positions", "mean", "probability", "variance")]
    if isinstance(made, tuple):
        return [bits(part) for part in made]
    if isinstance(made, np.ndarray):
        return made.dtype, made.shape, made.tobytes()
    return type(made), np.float64(made).tobytes() if isinstance(made, float) else made


@given(st.lists(NUMBERS, min_size=1), NUMBERS, st.integers(), st.lists(st.text()))
def test_what_is_kept_comes_back_bit_by_bit(mean, number, whole, warned):
    made = (block(mean, variance=np.array(mean).reshape(-1, 1)), number, whole, None, np.array(mean) > 0)
    entries = (Entry(Ground.FITS, "k", made, tuple(warned)), Entry(Ground.TRADES, "l", number))
    found = content.unpack(content.pack(entries, {"study": "s"}))
    assert [(one.ground, one.key, one.warned, bits(one.made)) for one in found] == [
        (one.ground, one.key, one.warned, bits(one.made)) for one in entries
    ]
    assert not found[0].made[0].mean.flags.writeable


def entry(number, rows=100):
    return Entry(Ground.FITS, key_of(Kind.VALIDATED, [str(number)], ()), block([float(number)] * rows))


def filled(out, count=4):
    """A store of files that were last used one after the other."""
    for number in range(count):
        Store(out).write(GROUP if number else OTHER, [entry(number)], "mine")
    files = sorted(Store(out).files(), key=lambda one: content.unpack(one.path.read_bytes())[0].made.mean[0, 0])
    for number, stored in enumerate(files):
        os.utime(stored.path, (1e9 + number, 1e9 + number))
    return [stored.path for stored in files]


@pytest.mark.parametrize("harm", ["cut", "flipped", "empty", "another version", "no file"])
def test_a_damaged_file_is_named_removed_and_made_again(tmp_path, caplog, harm, monkeypatch):
    path = filled(tmp_path)[1]
    if harm == "another version":
        path.unlink()
        monkeypatch.setattr(content, "FORMAT", 99)
        Store(tmp_path).write(GROUP, [entry(1)], "mine")
        monkeypatch.undo()
        (path,) = [one.path for one in Store(tmp_path).files() if b'"format": 99' in one.path.read_bytes()]
    was = path.read_bytes()
    flipped = was[:700] + bytes([was[700] ^ 1]) + was[701:]
    store = Store(tmp_path)
    assert store.holds([GROUP])  # the folder is listed
    if harm == "no file":
        path.unlink()
    elif harm != "another version":
        path.write_bytes({"cut": was[:-50], "flipped": flipped, "empty": b""}[harm])
    with caplog.at_level(logging.WARNING, "quantml"):
        found = store.read(GROUP)
    assert sorted(one.made.mean[0, 0] for one in found) == [2.0, 3.0]
    assert not path.exists()
    named = [message for message in caplog.messages if str(path) in message and "made again" in message]
    assert len(named) == len(caplog.messages) == (0 if harm == "no file" else 1)


def test_what_was_used_longest_ago_goes_first_and_what_a_run_uses_stays(tmp_path):
    paths = filled(tmp_path, 5)
    size = paths[0].stat().st_size
    store = Store(tmp_path)
    assert len(store.read(OTHER)) == 1  # the oldest file, which is now used
    assert [one.path for one in store.prune(3 * size)] == paths[1:3]
    assert [one.path for one in store.prune(0)] == paths[3:]
    assert [one.path for one in store.files()] == paths[:1]
    assert [one.path for one in Store(tmp_path).prune(0)] == paths[:1]


def test_reading_makes_a_file_new(tmp_path):
    paths = filled(tmp_path, 3)
    Store(tmp_path).read(OTHER)
    assert [one.path for one in Store(tmp_path).prune(paths[0].stat().st_size)] == paths[1:]


def test_unfinished_files_of_killed_processes_go_in_the_end(tmp_path):
    filled(tmp_path)
    old, new = (tmp_path / ".cache" / name for name in (".a-1", ".a-2"))
    old.touch(), new.touch()
    os.utime(old, (1e9, 1e9))
    Store(tmp_path).prune(10**9)
    assert (old.exists(), new.exists()) == (False, True)
    assert len(list(Store(tmp_path).files())) == 4


def test_where_nothing_can_be_written_the_run_goes_on(tmp_path, caplog):
    (tmp_path / ".cache").write_text("a file")
    store = Store(tmp_path)
    with caplog.at_level(logging.WARNING, "quantml"):
        for _ in range(2):
            store.write(GROUP, [entry(1)], "mine")
    assert len(caplog.messages) == 1
    assert "nothing more is kept in" in caplog.text
    assert store.read(GROUP) == store.prune(0) == list(store.files()) == []


def test_warnings_are_told_again_and_what_was_made_is_handed_over_once():
    def make():
        logging.getLogger("quantml.own").warning("so")
        return 1.0

    with collected_warnings() as first:
        held = Memory()
        assert held.recall(Kind.SCORE, "k", make) == 1.0
        made = held.take_made()
    assert (list(first), len(made), held.take_made()) == (["so"], 1, ())
    with collected_warnings() as again:
        assert Memory(made).recall(Kind.SCORE, "k", lambda: 2.0) == 1.0
    assert list(again) == ["so"]


def test_what_another_process_brings_back_is_bounded_and_what_is_written_here_is_not(monkeypatch):
    monkeypatch.setattr(memory, "MOST", 100)
    monkeypatch.setattr(memory, "PAUSE", 0.0)
    written = []
    away, here = Memory(), Memory(keep=written.extend)
    for key in "abcd":
        for one in (away, here):
            assert one.recall(Kind.VALIDATED, key, lambda: block([1.0, 2.0])).mean.size == 2  # 32 bytes with its rows
    away.recall(Kind.TESTED, "tested", lambda: block([1.0] * 100))
    assert [entry.key for entry in away.take_made()] == ["a", "b", "c", "tested"]
    assert [entry.key for entry in written] == ["a", "b", "c", "d"]


def test_a_folder_that_cannot_be_listed_is_told_and_stops_nothing(tmp_path, caplog):
    (tmp_path / NAME).symlink_to(tmp_path / NAME)  # leads to itself, whoever asks
    store = Store(tmp_path)
    assert (list(store.files()), store.read(GROUP)) == ([], [])
    assert "cannot be listed" in caplog.text


def test_every_part_of_a_key_counts():
    keys = [
        key_of(Kind.VALIDATED, ["a", "b"], ()),
        key_of(Kind.VALIDATED, ["b", "a"], ()),
        key_of(Kind.VALIDATED, ["ab"], ()),
        key_of(Kind.TESTED, ["a", "b"], ()),
        key_of(Kind.VALIDATED, ["a", "b"], (("x", "1"),)),
        key_of(Kind.VALIDATED, ["a", "b"], (("x", "2"),)),
    ]
    assert len(set(keys)) == len(keys)


def test_sizes_and_the_limit(monkeypatch):
    assert [read_size(text, "--to") for text in ("0", "12", "1.5kB", "500 MB", "2gb")] == [
        0,
        12,
        1500,
        5 * 10**8,
        2 * 10**9,
    ]
    for text in ("", "-1", "2XB", "GB", "1e9"):
        with pytest.raises(ParameterError, match="--to must be a size such as 500MB or 2GB"):
            read_size(text, "--to")
    assert read_limit() == 2 * 10**9
    monkeypatch.setenv("QUANTML_CACHE_LIMIT", "much")
    with pytest.raises(ParameterError, match="QUANTML_CACHE_LIMIT must be a size such as 500MB or 2GB; got 'much'"):
        read_limit()


@dataclass(frozen=True)
class Greedy:
    """Removes all that others have kept whenever a fold is done."""

    out: Path

    def __call__(self, done, total):
        Store(self.out).prune(0)


def test_walk_forwards_that_remove_each_others_work_find_the_same(tmp_path):
    study = load_study(write_study(tmp_path))
    bars, found = study.load_bars(), []

    def work(checkpoints, progress):
        found.append(walk_forward(study, bars, checkpoints=checkpoints, progress=progress))

    work(None, None)
    threads = [
        threading.Thread(target=work, args=(Checkpoints(Store(tmp_path), "own"), Greedy(tmp_path))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone, *both = [
        (one.forecast.mean.tobytes(), one.weights.values.tobytes(), [fold.warnings for fold in one.folds],
         [(part.values, part.score) for fold in one.folds for part in fold.candidates]) for one in found
    ]  # fmt: skip
    assert both == [alone, alone]


def test_what_is_kept_is_told_by_study(tmp_path):
    filled(tmp_path)
    Store(tmp_path).write(OTHER, [entry(7), entry(8)], "other")
    kept = kept_work(tmp_path)
    assert {shelf.study: (shelf.entries, len(shelf.files)) for shelf in kept.shelves} == {
        "mine": (4, 4),
        "other": (2, 1),
    }
    assert kept.whole.size == sum(one.size for one in Store(tmp_path).files())
    assert kept.as_values()["oldest"] == "2001-09-09T01:46:40+00:00"
    left = kept_work(tmp_path, to=0)
    assert (left.shelves, len(left.removed), left.as_values()["removed"]["bytes"]) == ((), 5, kept.whole.size)


def test_at_the_end_of_a_run_older_work_goes_and_its_own_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("QUANTML_CACHE_LIMIT", "0")
    write_study(tmp_path)
    filled(tmp_path / "out")
    run_at(tmp_path, tmp_path / "out")
    assert {one.study for one in kept_work(tmp_path / "out").shelves} == {"own"}


def test_what_cannot_be_read_or_removed_stays_and_stops_nothing(tmp_path, caplog):
    store = Store(tmp_path)
    store.write(GROUP, [Entry(Ground.FITS, "k", 1.0)], "mine")
    strange = store.folder / f"{GROUP[:32]}-{'c' * 32}.arrow"
    strange.mkdir()
    again = Store(tmp_path)
    assert [entry.made for entry in again.read(GROUP)] == [1.0]
    removed = Store(tmp_path).prune(0)
    assert strange.is_dir()
    assert strange not in [one.path for one in removed]
    assert [path for path in store.folder.iterdir() if path.is_file()] == []
    assert "cannot be read" in caplog.text
    assert "cannot be removed" in caplog.text
