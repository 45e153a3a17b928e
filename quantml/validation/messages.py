"""Warnings that are logged while something is computed: kept with it, and told to each fold that uses it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

LOGGER: Final = logging.getLogger("quantml")


class _Collector(logging.Handler):
    """Keeps what one thread logs as a warning, once each; other folds may run in other threads."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.thread = threading.get_ident()
        self.messages: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message of a record."""
        if record.thread == self.thread:
            self.messages[record.getMessage()] = None


@contextmanager
def collected_warnings() -> Iterator[dict[str, None]]:
    """Collect what this thread logs as a warning, in order and once each, so that it can travel back from a worker."""
    collector = _Collector()
    LOGGER.addHandler(collector)
    try:
        yield collector.messages
    finally:
        LOGGER.removeHandler(collector)


def tell_again(messages: Iterable[str]) -> None:
    """Hand warnings that were logged before to whoever collects those of this thread; nobody else hears them twice."""
    for message in messages:
        record = LOGGER.makeRecord(LOGGER.name, logging.WARNING, __file__, 0, message, (), None)
        for handler in tuple(LOGGER.handlers):
            if isinstance(handler, _Collector):
                handler.handle(record)
