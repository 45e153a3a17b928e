"""Workers: results in the order of tasks wherever they ran, failures as data, dead processes replaced."""

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from quantml.errors import DataError, ParameterError, RunError, StudyError, WorkerError
from quantml.validation import workers as module
from quantml.validation.workers import Borrowed, Loky, Serial, as_workers, run_tasks


def add(shared, task):
    return shared + task


def make_function(shared, task):
    return lambda: shared + task


def fail_late_or_at_once(shared, task):
    if task in (1, 2, 9):
        time.sleep(0.5 if task == 1 else 0.0)
        raise DataError(f"task {task}", must="be right")
    Path(shared, str(task)).touch()
    return task


def interrupt_itself(shared, task):
    signal.raise_signal(signal.SIGINT)
    return task


def crash_on_two(shared, task):
    if task == 2:
        raise ZeroDivisionError("no luck")
    return task


def return_lock(shared, task):
    return [task, threading.Lock()]


def die_once(shared, task):
    flag = Path(shared, "died")
    if task == 1 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def die_on_two(shared, task):
    if task == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def die(shared, task):
    os.kill(os.getpid(), signal.SIGKILL)


def count_received(shared, task):
    return len(module._RECEIVED)


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


def on_dask(request):
    address = request.getfixturevalue("cluster").address  # skips where Dask is not installed
    from quantml.validation.dask import Dask

    return Dask(address)


@pytest.fixture(params=["serial", "loky", "threads", "processes", "dask"])
def workers(request):
    makers = {
        "serial": Serial,
        "loky": lambda: Loky(2),
        "threads": lambda: Borrowed(ThreadPoolExecutor(2)),
        "processes": lambda: Borrowed(request.getfixturevalue("pool")),
        "dask": lambda: on_dask(request),
    }
    made = makers[request.param]()
    yield made
    made.stop(kill=True)


def test_results_come_in_the_order_of_tasks_and_progress_only_grows(workers):
    seen = []
    results = run_tasks(
        workers, add, 10, [3, 1, 2], progress=lambda *counts: seen.append((*counts, threading.get_ident()))
    )
    assert results == [13, 11, 12]
    assert seen == [(done, 3, threading.get_ident()) for done in (1, 2, 3)]


def test_results_may_hold_functions_without_a_name(workers):
    assert [result() for result in run_tasks(workers, make_function, 10, [1, 2])] == [11, 12]


def test_the_error_is_the_first_in_the_order_of_tasks_and_the_others_finish(workers, tmp_path):
    taken = {}
    with pytest.raises(DataError, match=r"^task 1 must be right\. 3 of 20 folds failed: 1-2, 9\.$"):
        run_tasks(workers, fail_late_or_at_once, str(tmp_path), range(20), take=taken.__setitem__, called="fold")
    others = set(range(20)) - {1, 2, 9}
    assert {int(path.name) for path in tmp_path.iterdir()} == others
    assert taken == {task: task for task in others}


def test_tasks_are_asked_for_one_by_one_and_results_taken_in_as_they_come(workers):
    class Tasks(list):
        def __getitem__(self, place):
            asked.append((place, len(taken)))
            return super().__getitem__(place)

    def take(number, result):
        taken.append((number, threading.get_ident()))
        return result * 2

    asked, taken = [], []
    assert run_tasks(workers, add, 10, Tasks([1, 2, 3]), take=take) == [22, 24, 26]
    assert [place for place, _ in asked] == [0, 1, 2]
    assert sorted(taken) == [(number, threading.get_ident()) for number in range(3)]
    if isinstance(workers, Serial):
        assert asked == [(0, 0), (1, 1), (2, 2)]


def test_an_unforeseen_failure_names_task_and_cause(workers):
    with pytest.raises(RunError, match="task 1: ZeroDivisionError: no luck"):
        run_tasks(workers, crash_on_two, None, [1, 2])


@pytest.mark.parametrize("make", [lambda: Loky(1), lambda: Borrowed(ThreadPoolExecutor(1))])
def test_what_cannot_be_pickled_is_named(make):
    workers = make()
    try:
        with pytest.raises(
            StudyError, match=r"^task 0: what it returns must be picklable; got .*_thread.lock.*\(\[1\]"
        ):
            run_tasks(workers, return_lock, None, [1])
        with pytest.raises(
            StudyError, match=r"^what is sent to workers must be picklable; got .*_thread.lock.*\(\['a'\]"
        ):
            run_tasks(workers, add, {"a": threading.Lock()}, [1])
    finally:
        workers.stop(kill=True)


def test_workers_can_be_started_again_after_they_were_stopped(workers):
    for kill in (False, True, False):
        assert run_tasks(workers, add, 10, [1, 2]) == [11, 12]
        workers.stop(kill=kill)


def test_nothing_that_was_published_is_kept(pool):
    for shared in ("one", "two"):
        for workers in (Borrowed(pool), Serial()):
            assert set(run_tasks(workers, count_received, shared, range(8))) <= {0, 1}
            workers.stop()
    assert module._PUBLISHED == {}


def test_runs_in_several_threads_keep_their_own_objects():
    both = threading.Barrier(2)

    def meet(shared, task):
        both.wait(10)  # both runs have published, and neither has stopped
        return shared

    def work(shared, executor):
        workers = as_workers(executor)
        results = run_tasks(workers, meet, shared, range(3))
        workers.stop()
        return results

    for pools in ((None, None), (ThreadPoolExecutor(1), ThreadPoolExecutor(1)), (None, ThreadPoolExecutor(1))):
        with ThreadPoolExecutor(2) as outer:
            found = list(outer.map(work, ("one", "two"), pools))
        assert found == [["one"] * 3, ["two"] * 3]


def test_a_killed_process_is_replaced_and_its_task_done_again(tmp_path):
    workers = Loky(2)
    try:
        assert run_tasks(workers, die_once, str(tmp_path), [0, 1, 2, 3]) == [0, 1, 2, 3]
        assert (tmp_path / "died").exists()
    finally:
        workers.stop(kill=True)


def test_a_worker_leaves_ctrl_c_to_the_caller():
    workers = Loky(1)
    assert run_tasks(workers, interrupt_itself, None, [1, 2]) == [1, 2]
    workers.stop()


HELD = []


def grow(shared, task):
    HELD.append(b"x" * 100_000_000)
    time.sleep(0.3)
    return os.getpid()


def test_a_process_that_grows_is_kept():
    pytest.importorskip("psutil", reason="loky looks at memory only where psutil is installed")
    workers = Loky(1)
    assert len(set(run_tasks(workers, grow, None, range(5)))) == 1
    workers.stop()


def test_processes_that_always_die_are_given_up():
    workers = Loky(1)
    try:
        with pytest.raises(
            WorkerError, match=r"^worker processes died 4 times \(each time under way: folds 2(-[34])?\)"
        ):
            run_tasks(workers, die_on_two, None, range(9), called="fold")
    finally:
        workers.stop(kill=True)


def test_a_broken_executor_of_the_callers_is_given_back():
    broken = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    with broken as executor, pytest.raises(WorkerError, match="the given executor broke"):
        run_tasks(as_workers(executor), die, None, [0])


@pytest.mark.parametrize("count", [0, -1, True, 1.5])
def test_refuses_a_strange_number_of_workers(count):
    with pytest.raises(ParameterError, match="workers must be a whole number of at least 1"):
        Loky(count)
