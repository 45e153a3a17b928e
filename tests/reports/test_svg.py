from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from quantml.reports.svg import Ink, Sheet, draw, inline

SHEET = Sheet(300, 200)


def paint(figure: object, sheet: Sheet) -> None:
    axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))  # type: ignore[attr-defined]
    axes.plot([0, 1, 2], [1.23456, 2.0, 1.0], color=Ink.STRATEGY, marker="o")
    axes.set_title("1.2345 <of> & more")


@pytest.fixture(scope="module")
def drawing() -> str:
    return draw("one", "A line & its <label>", SHEET, paint)


def test_a_drawing_is_one_well_formed_element(drawing: str) -> None:
    root = ElementTree.fromstring(drawing)
    assert root.tag == "svg"
    assert root.attrib["viewBox"] == "0 0 300 200"
    assert root.findtext("title") == "A line & its <label>"


def test_text_stays_text_and_numbers_are_rounded_only_in_attributes(drawing: str) -> None:
    assert "1.2345 &lt;of&gt; &amp; more" in drawing
    assert re.findall(r"=\"[^\"]*\d\.\d{3}", drawing) == []


def test_colours_become_variables_of_the_page(drawing: str) -> None:
    assert "stroke: var(--strategy)" in drawing
    assert Ink.STRATEGY.value not in drawing


def test_two_drawings_share_no_identifier(drawing: str) -> None:
    other = draw("two", "The same", SHEET, paint)
    first, second = (set(re.findall(r" id=\"([^\"]*)\"", text)) for text in (drawing, other))
    assert first
    assert not first & second


def test_the_reader_s_settings_are_neither_read_nor_changed(drawing: str) -> None:
    with mpl.rc_context({"font.size": 40.0, "lines.linewidth": 9.0, "svg.hashsalt": "other"}):
        assert draw("one", "A line & its <label>", SHEET, paint) == drawing
        assert mpl.rcParams["font.size"] == 40.0


def test_identifiers_that_nothing_refers_to_are_dropped() -> None:
    document = (
        '<svg width="1pt" viewBox="0 0 1 1" xmlns="u"><style>*{x}</style><!-- a --><g id="group">'
        '<path id="p1" d="M 0.12345 -0.001"/><use xlink:href="#p1"/></g></svg>'
    )
    assert inline(document, "n", "t") == (
        '<svg viewBox="0 0 1 1" role="img" aria-labelledby="n-title"><title id="n-title">t</title><g>'
        '<path id="n-p1" d="M 0.12 0"/><use href="#n-p1"/></g></svg>'
    )


def test_threads_that_draw_at_once_draw_what_one_alone_does() -> None:
    names = [f"drawing{number}" for number in range(8)]
    alone = [draw(name, "A line", SHEET, paint) for name in names]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda name: draw(name, "A line", SHEET, paint), names))
    assert together == alone
