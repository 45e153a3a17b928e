"""Files that are whole or not there, whenever a process is killed or the power goes."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from quantml.errors import StorageError

FORMAT: Final = 1
"""Version of the store's layout; written into every file, checked when one is read."""

ABANDONED: Final = 86_400.0
"""Seconds after which an unfinished file is taken to be a killed process's."""


@dataclass(frozen=True)
class Durable:
    """A folder whose files are written aside, flushed to the disk, and only then given their names.

    Parameters
    ----------
    folder : Path
    """

    folder: Path

    def write(self, path: Path, content: bytes) -> None:
        """Write a file that nobody reads before it is whole; an equal one is left alone.

        Raises
        ------
        StorageError
            If the folder cannot be written.
        """
        if not (path.is_file() and path.read_bytes() == content):
            self._put(path, content, os.replace)

    def create(self, path: Path, content: bytes) -> bool:
        """Write a file under a name that must be new; say whether it was.

        This is the store's compare-and-swap. Of any number of processes exactly one can take a name, and it takes it
        with whole content: a hard link, unlike a file opened exclusively, appears at once with all that it holds.
        There is no lock that a killed process could leave behind.

        Raises
        ------
        StorageError
            If the folder cannot be written, or its file system knows no hard links.
        """
        return self._put(path, content, os.link)

    @contextmanager
    def aside(self) -> Iterator[Path]:
        """Make an empty file that nobody knows, to be written, flushed and named; without a name, it is removed."""
        folder = self.folder / "partial"
        folder.mkdir(parents=True, exist_ok=True)
        handle, unnamed = tempfile.mkstemp(dir=folder, suffix=".part")
        os.close(handle)
        os.chmod(unnamed, 0o644)
        try:
            yield Path(unnamed)
        finally:
            Path(unnamed).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what killed processes left unfinished."""
        for path in (self.folder / "partial").glob("*.part"):
            with suppress(FileNotFoundError):  # another process was faster
                if time.time() - path.stat().st_mtime > ABANDONED:
                    path.unlink()

    def _put(self, path: Path, content: bytes, naming: Callable[[Path, Path], None]) -> bool:
        """Write, flush and name a file; False if the name was not free."""
        try:
            with self.aside() as unnamed:
                _write_flushed(unnamed, content)
                new = [folder for folder in path.parents if not folder.exists()]
                path.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileExistsError):
                    naming(unnamed, path)
                    for folder in (path.parent, *(folder.parent for folder in new)):
                        _flush_names(folder)
                    return True
        except OSError as error:
            raise StorageError("the store", must="be writable", got=str(error), where=str(self.folder)) from error
        return False


def _write_flushed(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_names(folder: Path) -> None:
    if os.name == "nt":  # cannot open a folder there; NTFS journals its names
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_json(path: Path, content: bytes, hint: str) -> dict[str, Any]:
    """Read what a JSON file of the store holds.

    Raises
    ------
    StorageError
        If it is damaged, or of another format version.
    """
    try:
        read: dict[str, Any] = json.loads(content)
        version = read.get("format")
    except (ValueError, AttributeError) as error:
        raise StorageError(f"{path}", must="be a readable JSON file", got=str(error), hint=hint) from error
    check_format(path, version)
    return read


def check_format(path: Path, version: object) -> None:
    """Raise unless a file is of this layout.

    Raises
    ------
    StorageError
        Naming the file and its version.
    """
    if str(version) != str(FORMAT):
        hint = "Another version of quantml wrote it: read it with that one, or refresh into a new folder."
        raise StorageError(f"{path}", must=f"have format version {FORMAT}", got=version, hint=hint)
