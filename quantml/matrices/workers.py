"""Workers that stay up from one run to the next."""

from __future__ import annotations

from concurrent.futures import Executor

from quantml.validation.workers import Handle, Workers


class Lasting:
    """Keep workers started between runs; `end` stops them.

    Parameters
    ----------
    workers : Workers
        Those that do the work.
    """

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._executor: Executor | None = None
        self._running = False

    def start(self) -> Executor:
        """Start the workers, unless the run before left them; once more within a run where they broke."""
        if self._executor is None or self._running:
            self._executor = self._workers.start()
        self._running = True
        return self._executor

    def publish(self, shared: object) -> Handle:
        """Make an object available to every task."""
        return self._workers.publish(shared)

    def stop(self, *, kill: bool = False) -> None:
        """End a run: what it left is used by the next one, unless it is to be killed."""
        self._running = False
        if kill:
            self.end(kill=True)

    def end(self, *, kill: bool = False) -> None:
        """Stop the workers."""
        self._executor = None
        self._workers.stop(kill=kill)
