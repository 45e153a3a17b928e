"""Counts the bytes that pass between the processes of a cluster, by passing them on."""

from __future__ import annotations

import socket
import threading
from typing import Self

CHUNK = 1 << 18


class Relay:
    """A port that passes everything on to another and counts it; a context that closes it.

    Attributes
    ----------
    sent, received : int
        Bytes passed on to the other port, and back from it.

    Parameters
    ----------
    target : str or None
        Address to pass on to, such as ``tcp://127.0.0.1:8786``; it may be set later.
    """

    def __init__(self, target: str | None = None) -> None:
        self.target = target
        self.sent = self.received = 0
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._server]

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"tcp://127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for end in self._open:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:  # closed by the other side
                continue
            finally:
                end.close()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._server.accept()
            except OSError:  # closed
                return
            host, port = str(self.target).removeprefix("tcp://").split(":")
            there = socket.create_connection((host, int(port)))
            self._open += [here, there]
            threading.Thread(target=self._pass_on, args=(here, there, "sent"), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(there, here, "received"), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, name: str) -> None:
        try:
            while data := source.recv(CHUNK):
                with self._lock:
                    setattr(self, name, getattr(self, name) + len(data))
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:  # one side is gone
            source.close()
            sink.close()
