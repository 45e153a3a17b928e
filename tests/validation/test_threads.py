"""One thread for BLAS, also where blocks of several threads of this process overlap."""

import threading

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from quantml.validation.threads import single_threaded


def blas():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture
def two():
    with threadpool_limits(2, user_api="blas"):
        assert blas() == {2}
        yield


def test_the_number_of_threads_comes_back_after_the_block(two):
    with single_threaded(), single_threaded():
        assert blas() == {1}
    assert blas() == {2}


def test_a_block_that_ends_leaves_the_limit_to_one_that_runs_on_in_another_thread(two):
    entered, leave = threading.Event(), threading.Event()

    def first():
        with single_threaded():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait(10)
    with single_threaded():
        leave.set()
        thread.join()
        assert blas() == {1}
    assert blas() == {2}
