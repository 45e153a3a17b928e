"""What is kept of earlier folds, for people: how much, of which studies, and how old."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from quantml.reports import words
from quantml.reports.terminal import text_table
from quantml.validation.checkpoints.store import Store, Stored, read_limit

UNREADABLE = "(damaged)"


@dataclass(frozen=True)
class Shelf:
    """Kept work that one study wrote.

    Attributes
    ----------
    study : str
    files : tuple of Stored
    entries : int
        Pieces of work in them.
    """

    study: str
    files: tuple[Stored, ...]
    entries: int

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(one.size for one in self.files)

    def as_values(self) -> dict[str, Any]:
        """Return plain values."""
        used = [one.used for one in self.files]
        return {
            "study": self.study,
            "entries": self.entries,
            "files": len(self.files),
            "bytes": self.size,
            "oldest": _moment(min(used)) if used else None,
            "newest": _moment(max(used)) if used else None,
        }


@dataclass(frozen=True)
class Kept:
    """All kept work of a folder of runs.

    Attributes
    ----------
    folder : Path
    limit : int
        Bytes that it may take at the end of a run.
    shelves : tuple of Shelf
        One for each study, the largest first.
    removed : tuple of Stored
        What was removed just now.
    """

    folder: Path
    limit: int
    shelves: tuple[Shelf, ...]
    removed: tuple[Stored, ...] = ()

    @property
    def whole(self) -> Shelf:
        """Everything."""
        files = tuple(one for shelf in self.shelves for one in shelf.files)
        return Shelf("", files, sum(shelf.entries for shelf in self.shelves))

    def as_values(self) -> dict[str, Any]:
        """Return plain values."""
        whole = {name: part for name, part in self.whole.as_values().items() if name != "study"}
        return {
            "folder": str(self.folder),
            "limit": self.limit,
            **whole,
            "studies": [shelf.as_values() for shelf in self.shelves],
            "removed": {"files": len(self.removed), "bytes": sum(one.size for one in self.removed)},
        }


def kept_work(out: str | Path, *, to: int | None = None) -> Kept:
    """Look at what is kept below a folder of runs.

    Parameters
    ----------
    out : path
    to : int, optional
        Remove first what was not used for longest, until at most so many bytes are left.
    """
    store, limit = Store(out), read_limit()
    removed = () if to is None else tuple(store.prune(to))
    laid: dict[str, list[tuple[Stored, int]]] = {}
    for stored in store.files():
        study, entries = store.told_by(stored) or (UNREADABLE, 0)
        laid.setdefault(study, []).append((stored, entries))
    shelves = [
        Shelf(study, tuple(stored for stored, _ in files), sum(entries for _, entries in files))
        for study, files in laid.items()
    ]
    return Kept(store.folder, limit, tuple(sorted(shelves, key=lambda one: (-one.size, one.study))), removed)


def cache_table(kept: Kept) -> RenderableType:
    """List what is kept, by study.

    Parameters
    ----------
    kept : Kept

    Returns
    -------
    rich renderable
    """
    lines = [Text(_removed(kept.removed))] if kept.removed else []
    if not kept.shelves:
        return Group(*lines, Text(f"Nothing is kept in {kept.folder}."))
    table = text_table("Study", "Entries", "Size", "Oldest", "Newest", text=(0, 3, 4))
    for shelf in kept.shelves:
        row = shelf.as_values()
        cells = (shelf.study, f"{shelf.entries:,}", _size(shelf.size), row["oldest"][:10], row["newest"][:10])
        table.add_row(*(Text(cell) for cell in cells))
    size = f"{_size(kept.whole.size)} of at most {_size(kept.limit)}"
    total = f"{words.plural(kept.whole.entries, 'entry', 'entries')}, {size}, in {kept.folder}."
    return Group(*lines, table, Text(total))


def _removed(files: Sequence[Stored]) -> str:
    return f"Removed {words.plural(len(files), 'file')}, {_size(sum(one.size for one in files))}."


def _size(count: int) -> str:
    size, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while size >= 1000.0 and len(units) > 1:
        size, units = size / 1000.0, units[1:]
    return f"{size:.0f} {units[0]}" if units[0] == "B" else f"{size:.1f} {units[0]}"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
