"""What loaders give while an audit asks what a study would have been shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from quantml import Bars, loaders
from quantml.loaders import Sample, Synthetic
from quantml.loaders.seen import seen, seen_through

WORLD = Synthetic(symbols=2, sessions=50, seed=1)


def halved(loaded: Any) -> Any:
    return loaded.until(loaded.clock[len(loaded) // 2 - 1]) if isinstance(loaded, Bars) else loaded + 1


@dataclass(frozen=True)
class Number:
    @seen
    def load(self) -> int:
        """Load."""
        return 1


@dataclass(frozen=True)
class Doubled:
    """A loader of another loader's."""

    @seen
    def load(self) -> int:
        return 2 * Number().load()


def test_loaders_give_what_the_view_shows_inside_the_block() -> None:
    assert len(WORLD.load()) == 50
    with seen_through(halved):
        assert len(WORLD.load()) == 25
    assert len(WORLD.load()) == 50


def test_what_a_loader_makes_of_anothers_is_shown_once() -> None:
    with seen_through(halved):
        assert Doubled().load() == 3  # (2 * 1) + 1, not 2 * (1 + 1) + 1
        assert Number().load() == 2  # and the view is back


def test_the_inner_block_counts_and_leaves_the_outer_as_it_was() -> None:
    with seen_through(halved):
        with seen_through(lambda loaded: 10 * loaded):
            assert Number().load() == 10
        assert Number().load() == 2


def test_the_view_ends_with_an_error() -> None:
    with pytest.raises(ZeroDivisionError), seen_through(halved):
        raise ZeroDivisionError
    assert Number().load() == 1


def test_what_a_loader_is_asked_for_reaches_it() -> None:
    class Asked:
        @seen
        def load(self, name: str, *, times: int) -> str:
            return times * name

    with seen_through(lambda loaded: f"{loaded}!"):
        assert Asked().load("ab", times=2) == "abab!"
    assert Asked().load("ab", times=2) == "abab"


def test_a_loader_keeps_its_name_and_docstring() -> None:
    assert (Number.load.__name__, Number.load.__doc__) == ("load", "Load.")


def test_every_loader_is_seen() -> None:
    kinds = [getattr(loaders, name) for name in loaders.__all__]
    with_load = [kind for kind in kinds if isinstance(kind, type) and hasattr(kind, "load")]
    assert {Sample, Synthetic, loaders.Files, loaders.Sql, loaders.Table, loaders.Yahoo, loaders.Published} <= set(
        with_load
    )
    layouts = ["FilePerSymbol", "LongFile", "WideFile", "WideReturns"]  # which Files alone asks to load
    assert [kind.__name__ for kind in with_load if not hasattr(kind.load, "__wrapped__")] == layouts
