"""A real Dask cluster on this machine: a scheduler and worker processes, on ports that the system picks."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from benchmarks._relay import Relay
from quantml.validation.cluster import identify

REPOSITORY = Path(__file__).resolve().parents[1]
STARTING = 60.0
"""Seconds that a process has to start."""


def wait_until(condition: Callable[[], Any], seconds: float = STARTING, what: str = "") -> None:
    """Wait for a condition; raise `TimeoutError` if it does not come true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s in vain {what}")
        time.sleep(0.02)


class Cluster:
    """A scheduler with worker processes; a context that ends them.

    Parameters
    ----------
    folder : Path
        For what they write: address, logs, spilled data.
    environment : mapping
        What their environment has in addition.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        paths = [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **(environment or {})}
        self._processes: list[subprocess.Popen[bytes]] = []
        self.address = ""

    def start(self, workers: int = 0, *, host: str = "127.0.0.1", protocol: str = "tcp") -> Self:
        """Start the scheduler and some workers of one thread."""
        file = self.folder / "scheduler.json"
        file.unlink(missing_ok=True)  # of another one in this folder
        known = (
            "--host",
            host,
            "--protocol",
            protocol,
            "--port",
            "0",
            "--idle-timeout",
            "30 minutes",
            "--scheduler-file",
            str(file),
        )
        self.scheduler = self._launch("scheduler", *known)
        wait_until(lambda: file.exists() and file.stat().st_size, what=f"for the scheduler: {self.log('scheduler')}")
        time.sleep(0.05)  # the file is written in more than one step
        self.address = json.loads(file.read_text())["address"]
        for _ in range(workers):
            self.add_worker()
        if workers:
            self.wait_for_workers(workers)
        return self

    def wait_for_workers(self, count: int) -> None:
        """Wait until the scheduler knows so many workers."""
        wait_until(lambda: len(identify(self.address, 5.0)["workers"]) == count, what=f"for {count} workers")

    def add_worker(self, *options: str, scheduler: str = "", **environment: str) -> subprocess.Popen[bytes]:
        """Start one more worker process, without a nanny: what is killed stays dead."""
        number = len(self._processes)
        known = [
            "--nworkers",
            "1",
            "--no-nanny",
            "--death-timeout",
            "30",
            "--local-directory",
            str(self.folder / f"worker-{number}"),
        ]
        chosen = list(options) if "--nthreads" in options else ["--nthreads", "1", *options]
        return self._launch("worker", scheduler or self.address, *known, *chosen, **environment)

    def add_worker_behind(self, relay: Relay, scheduler: Relay) -> subprocess.Popen[bytes]:
        """Start a worker whose every connection is counted: those to it by one relay, those of it by another."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            relay.target = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        places = ("--listen-address", relay.target, "--contact-address", relay.address)
        return self.add_worker(*places, scheduler=scheduler.address)

    def _launch(self, kind: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--no-dashboard", *arguments]
        with (self.folder / f"{kind}-{len(self._processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self._environment | environment, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._processes.append(process)
        return process

    def log(self, kind: str) -> str:
        """Return what the processes of a kind said."""
        return "\n".join(path.read_text() for path in sorted(self.folder.glob(f"{kind}-*.log")))

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a process at once, as a machine that fails does."""
        process.kill()
        process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
