"""Workers: results in the order of tasks wherever they ran, failures as data, dead processes replaced."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from quantml.errors import DataError, ParameterError, RunError, WorkerError
from quantml.validation.workers import Loky, Serial, as_workers, run_tasks


def add(shared, task):
    return shared + task


def fail_on_two(shared, task):
    if task == 2:
        raise DataError("high", must="be at or above low", where="fold 2")
    Path(shared, str(task)).touch()
    return task


def crash_on_two(shared, task):
    if task == 2:
        raise ZeroDivisionError("no luck")
    return task


def die_once(shared, task):
    flag = Path(shared, "died")
    if task == 1 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def die(shared, task):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(params=["serial", "loky", "borrowed"])
def workers(request):
    if request.param == "borrowed":
        with ThreadPoolExecutor(2) as executor:
            yield as_workers(executor)
        return
    made = Serial() if request.param == "serial" else Loky(2)
    yield made
    made.stop(kill=True)


def test_results_come_in_the_order_of_tasks(workers):
    seen = []
    assert run_tasks(workers, add, 10, [3, 1, 2], progress=lambda done, total: seen.append((done, total))) == [
        13,
        11,
        12,
    ]
    assert max(seen) == (3, 3)


def test_a_failed_task_keeps_its_error_and_the_others_finish(workers, tmp_path):
    with pytest.raises(DataError, match=r"high must be at or above low \(fold 2\)"):
        run_tasks(workers, fail_on_two, str(tmp_path), [1, 2, 3])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "3"]


def test_an_unforeseen_failure_names_task_and_cause(workers):
    with pytest.raises(RunError, match="2: ZeroDivisionError: no luck"):
        run_tasks(workers, crash_on_two, None, [1, 2])


def test_a_killed_process_is_replaced_and_its_task_done_again(tmp_path):
    workers = Loky(2)
    try:
        assert run_tasks(workers, die_once, str(tmp_path), [0, 1, 2, 3]) == [0, 1, 2, 3]
        assert (tmp_path / "died").exists()
    finally:
        workers.stop(kill=True)


def test_processes_that_always_die_are_given_up():
    workers = Loky(1)
    try:
        with pytest.raises(WorkerError, match="worker processes died 4 times"):
            run_tasks(workers, die, None, [0])
    finally:
        workers.stop(kill=True)


@pytest.mark.parametrize("count", [0, -1, True, 1.5])
def test_refuses_a_strange_number_of_workers(count):
    with pytest.raises(ParameterError, match="workers must be a whole number of at least 1"):
        Loky(count)
