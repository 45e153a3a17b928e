"""The folder of kept work: files that are whole or not there, each named by what it belongs to and by its own bytes."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from quantml.errors import ParameterError, StorageError
from quantml.interrupts import uninterrupted
from quantml.storage import replace_file
from quantml.validation.checkpoints.content import head_of, pack, unpack
from quantml.validation.checkpoints.memory import Entry

LOG: Final = logging.getLogger("quantml.validation.checkpoints")
NAME: Final = ".cache"
"""The folder's name below a folder of runs."""
LIMIT: Final = "QUANTML_CACHE_LIMIT"
"""Environment variable that says how large the folder may grow."""
DEFAULT_LIMIT: Final = "2GB"
ABANDONED: Final = 3600.0
"""Seconds after which an unfinished file is taken to be a killed process's."""
_UNITS: Final = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?B)?", re.IGNORECASE)
_FILE: Final = re.compile(r"([0-9a-f]{32})-([0-9a-f]{32})\.arrow")


def read_size(text: str, subject: str) -> int:
    """Read a number of bytes, such as 500MB.

    Raises
    ------
    ParameterError
        If it is none.

    Examples
    --------
    >>> read_size("1.5 kB", "--to"), read_size("0", "--to")
    (1500, 0)
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ParameterError(subject, must="be a size such as 500MB or 2GB", got=text)
    return int(float(found[1]) * _UNITS[(found[2] or "").upper()])


def read_limit() -> int:
    """Return how many bytes kept work may take: what the environment says, or 2 GB."""
    return read_size(os.environ.get(LIMIT, DEFAULT_LIMIT), LIMIT)


@dataclass(frozen=True)
class Stored:
    """A file of kept work.

    Attributes
    ----------
    path : Path
    size : int
        In bytes.
    used : float
        When it was last written or read, in seconds since 1970.
    """

    path: Path
    size: int
    used: float


class Store:
    """Kept work below a folder of runs.

    Any number of processes may use it at once: a file that another one has removed is work that is not kept.

    Parameters
    ----------
    out : path
        Folder of runs.
    """

    def __init__(self, out: str | Path) -> None:
        self.folder = Path(out) / NAME
        self._groups: dict[str, list[Path]] | None = None
        self._in_use: set[Path] = set()
        self._lock = threading.Lock()
        self._is_writable = True

    # ---------------------------------------------------------------- one run

    def holds(self, groups: Iterable[str]) -> bool:
        """Say whether anything is kept of any of these groups."""
        listed = self._listed()
        return any(group[:32] in listed for group in groups)

    def read(self, group: str) -> list[Entry]:
        """Return what is kept of a group; a damaged file is removed, with a warning."""
        return [entry for path in self._listed().get(group[:32], ()) for entry in self._read(path)]

    def write(self, group: str, entries: Sequence[Entry], study: str) -> None:
        """Keep entries of a group; where the folder cannot be written, the run goes on without, with a warning."""
        if not entries or not self._is_writable:
            return
        content = pack(entries, {"study": study})
        path = self.folder / f"{group[:32]}-{_digest(content)}.arrow"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with uninterrupted():
                replace_file(path, content)
        except (OSError, StorageError) as error:
            self._is_writable = False
            LOG.warning("nothing more is kept in %s: %s", self.folder, error)
            return
        with self._lock:
            self._in_use.add(path)

    def _listed(self) -> dict[str, list[Path]]:
        """List the files by their group, as they were when first asked for."""
        if self._groups is None:
            groups: dict[str, list[Path]] = {}
            for stored in sorted(self.files(), key=lambda one: one.path.name):
                groups.setdefault(stored.path.name[:32], []).append(stored.path)
            self._groups = groups
        return self._groups

    def _read(self, path: Path) -> tuple[Entry, ...]:
        try:
            content = path.read_bytes()
            entries = unpack(_undamaged(path, content))
        except FileNotFoundError:  # another process has removed it
            return ()
        except OSError as error:  # it may be as it should be, and another's
            LOG.warning("%s cannot be read, and is made again: %s", path, error)
            return ()
        except StorageError as error:
            LOG.warning("%s is left out and made again: %s", path, error)
            with suppress(OSError):
                path.unlink()
            return ()
        with suppress(OSError):  # in a folder of another's the time stays
            os.utime(path)
        self._in_use.add(path)
        return entries

    # ----------------------------------------------------------------- the whole

    def files(self) -> Iterator[Stored]:
        """List the files."""
        for entry in _entries(self.folder):
            if _FILE.fullmatch(entry.name):
                with suppress(FileNotFoundError):
                    found = entry.stat()
                    yield Stored(Path(entry.path), found.st_size, found.st_mtime)

    def told_by(self, stored: Stored) -> tuple[str, int] | None:
        """Name the study that wrote a file, and count its entries; None where it cannot be read."""
        try:
            head = head_of(_undamaged(stored.path, stored.path.read_bytes()))
            return str(head["study"]), len(head["entries"])
        except (OSError, StorageError, KeyError):
            return None

    def prune(self, limit: int) -> list[Stored]:
        """Remove the files that were not used for longest until the rest take at most `limit` bytes.

        What this object has read or written stays. Unfinished files of killed processes go as well.

        Returns
        -------
        list of Stored
            What was removed.
        """
        files = sorted(self.files(), key=lambda one: (one.used, one.path.name))
        excess = sum(one.size for one in files) - limit
        removed = []
        for stored in files:
            if excess <= 0:
                break
            if stored.path not in self._in_use:
                try:
                    stored.path.unlink(missing_ok=True)
                except OSError as error:
                    LOG.warning("%s cannot be removed: %s", stored.path, error)
                    continue
                excess -= stored.size
                removed.append(stored)
        self._sweep()
        return removed

    def _sweep(self) -> None:
        for entry in _entries(self.folder):
            with suppress(OSError):
                if entry.name.startswith(".") and time.time() - entry.stat().st_mtime > ABANDONED:
                    os.unlink(entry.path)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        LOG.warning("what is kept in %s cannot be listed: %s", folder, error)
        return []


def _undamaged(path: Path, content: bytes) -> bytes:
    """Return the bytes of a file if they are those that its name says."""
    if path.stem.partition("-")[2] != _digest(content):
        raise StorageError("kept work", must="be the bytes that were written", got=f"{len(content)} others")
    return content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
