"""Killed, and crowded: whatever happens to the processes, a store is in a whole state."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.loaders import Store, Stored
from tests.loaders.feed import Feed, prices

SYMBOLS = ("A", "B", "C")
FIRST = 60
RAW = {symbol: prices(1500, seed=number) for number, symbol in enumerate(SYMBOLS)}

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL and forked processes are POSIX")


@pytest.fixture(scope="module")
def context() -> Any:
    """Processes forked off one that has done the imports and nothing else, so that fifty of them take seconds."""
    forked = multiprocessing.get_context("forkserver")
    forked.set_forkserver_preload([__name__])
    return forked


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Store(tmp_path).refresh(Feed(RAW, until=FIRST))
    return tmp_path


@cache
def whole(until: int) -> str:
    """Fingerprint of the state in which every symbol has its first `until` bars."""
    table = pd.concat({symbol: rows.iloc[:until] for symbol, rows in RAW.items()}, axis=1)
    return Bars.from_frame(table, periods_per_year=252.0).fingerprint


def state(folder: Path) -> int:
    """Read the store; say how many bars every symbol has, having checked that it is exactly that state."""
    bars = Store(folder).load(Feed(RAW))
    assert bars.fingerprint == whole(len(bars))
    return len(bars)


# ----------------------------------------------------- what the processes do


def load_for_ever(folder: Path, until: int, begun: Any) -> None:
    """Refresh and load, one session further each time, from a source that takes a while to answer."""
    begun.set()
    for day in range(until, len(RAW["A"])):
        Stored(Feed(RAW, until=day, pause=0.002), folder=folder).load()


def die_at(step: int, folder: Path) -> None:
    """Refresh and load, and be killed as the `step`-th call that touches the disk's names or flushes it begins."""
    calls = iter(range(step))

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(calls, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return call

    for name in ("open", "fsync", "replace", "link", "unlink"):
        setattr(os, name, counted(getattr(os, name)))
    Stored(Feed(RAW, until=FIRST + 1), folder=folder).load()


def refresh_together(folder: Path, symbols: str, gate: Any, said: Any) -> None:
    """Refresh on ten days, each time at the same moment as the others."""
    for day in range(1, 11):
        gate.wait()
        feed = Feed({symbol: RAW[symbol] for symbol in symbols}, until=FIRST + day, pause=0.001)
        said.put(Store(folder).refresh(feed).sentences)


# -------------------------------------------------------------------- tests


def test_fifty_kills_at_random_moments_leave_a_whole_state(context: Any, folder: Path) -> None:
    generator, before, window = np.random.default_rng(7), FIRST, 0.25
    for _ in range(50):
        begun = context.Event()
        process = context.Process(target=load_for_ever, args=(folder, before + 1, begun))
        process.start()
        assert begun.wait(30.0)
        time.sleep(generator.uniform(0.0, window))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        after = state(folder)
        assert after >= before
        window *= 1.2 if after == before else 1.0  # on a busy machine a refresh takes longer
        before = after
    assert before > FIRST
    assert Store(folder).refresh(Feed(RAW, until=before + 1)).sentences == ()
    assert state(folder) == before + 1


def test_a_kill_at_every_step_of_a_refresh_leaves_the_state_before_or_after(context: Any, folder: Path) -> None:
    seen: list[int] = []
    for step in range(500):
        copy = folder.parent / f"{folder.name}-{step}"
        shutil.copytree(folder, copy)
        process = context.Process(target=die_at, args=(step, copy))
        process.start()
        process.join()
        seen.append(state(copy))
        assert Store(copy).refresh(Feed(RAW, until=FIRST + 1)).sentences == ()
        assert state(copy) == FIRST + 1
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
    assert len(seen) > 20
    assert seen == sorted(seen)
    assert set(seen) == {FIRST, FIRST + 1}


def test_four_processes_that_refresh_at_once_leave_one_state(context: Any, folder: Path) -> None:
    gate, said = context.Barrier(4), context.Queue()
    crowd = [context.Process(target=refresh_together, args=(folder, "ABC", gate, said)) for _ in range(4)]
    for process in crowd:
        process.start()
    seen = [FIRST]
    while any(process.is_alive() for process in crowd):
        seen.append(state(folder))  # a reader among them never sees anything but a whole state
    assert seen == sorted(seen)
    assert [said.get(timeout=10.0) for _ in range(40)] == [()] * 40
    assert [process.exitcode for process in crowd] == [0] * 4
    assert state(folder) == FIRST + 10
    numbers = sorted(int(path.stem) for path in (folder / "feed-1d" / "manifests").iterdir())
    assert numbers == list(range(1, len(numbers) + 1))


def test_processes_that_refresh_other_symbols_at_once_lose_nothing(context: Any, folder: Path) -> None:
    gate, said = context.Barrier(3), context.Queue()
    crowd = [context.Process(target=refresh_together, args=(folder, symbol, gate, said)) for symbol in SYMBOLS]
    for process in crowd:
        process.start()
    assert [said.get(timeout=60.0) for _ in range(30)] == [()] * 30
    for process in crowd:
        process.join()
    assert state(folder) == FIRST + 10
    assert len(list((folder / "feed-1d" / "manifests").iterdir())) == 31
