"""Signals wait for the end of a block that must not be interrupted, and then do what they always do."""

import signal
import threading

import pytest

from quantml.interrupts import uninterrupted


def test_an_interruption_waits_for_the_end_of_the_block():
    before, reached = signal.getsignal(signal.SIGINT), []
    with pytest.raises(KeyboardInterrupt), uninterrupted(), uninterrupted():  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        reached.append("end")
    assert reached == ["end"]
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_hears_no_signals_and_works_as_ever():
    reached = []

    def work():
        with uninterrupted():
            reached.append("end")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert reached == ["end"]
