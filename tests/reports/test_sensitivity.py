"""Page, table and values of a run under other conditions."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace

import pytest
from rich.console import Console

from quantml import Run, run
from quantml.reports.sensitivity import break_even, capacity, heat_map, sensitivity_page, sensitivity_table
from quantml.sensitivities import Sensitivity, sensitivity
from quantml.sensitivities.readings import BreakEven, Failure
from quantml.signals import Sign
from tests.reports.conftest import Parsed
from tests.sensitivities.conftest import finished, found, study  # noqa: F401 - fixtures


def parse(content: bytes) -> Parsed:
    parsed = Parsed()
    parsed.feed(content.decode())
    parsed.close()
    return parsed


def printed(shown: Sensitivity) -> str:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(sensitivity_table(shown))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_the_page_stands_alone_and_is_the_same_bytes(found: Sensitivity) -> None:  # noqa: F811
    made = sensitivity_page(found)
    text, parsed = made.decode(), parse(made)
    assert (parsed.unbalanced, parsed.open_tags) == ([], [])
    assert not re.search(r"https?:|@import|url\((?!#)|<script|<img|<link", text)
    assert "#0102" not in text  # every ink has become a variable of the page
    for name in set(re.findall(r"var\(--(\w+)\)", text)) - {"s", "tone"}:
        assert f"--{name}:" in text
    assert sensitivity_page(found) == made
    assert list(parsed.sections) == ["first", "costs", "capacity", "borrow", "trading", "about"]


def test_every_cell_is_on_the_page_and_the_run_itself_is_outlined(found: Sensitivity) -> None:  # noqa: F811
    text = sensitivity_page(found).decode()
    assert text.count('style="--s:') == len(found.cells)
    assert re.findall(r'<td class="gain own" style="[^"]*">([^<]*)</td>', text) == [f"{found.own.sharpe_ratio:.2f}"] * 3


def test_a_map_is_coloured_by_sign_and_size(found: Sensitivity) -> None:  # noqa: F811
    surface = found.surface("capacity")
    assert surface is not None
    laid = heat_map(found, surface)
    assert laid.corner == "Capital \\ Participation"
    assert laid.head == ("1 %", "2 %", "5 %", "10 %", "25 %", "no limit")
    label, cells = laid.rows[-1]
    assert label == "1G"
    heat, own = cells[-1]
    assert (heat.sign, own) == ("loss", False)
    assert heat.text == f"−{abs(found.outcomes[surface.cells[-1]].sharpe_ratio):.2f}"


def test_a_sharpe_ratio_has_one_colour_on_every_map(found: Sensitivity) -> None:  # noqa: F811
    laid = [heat for surface in found.surfaces for _, row in heat_map(found, surface).rows for heat, _ in row]
    shades: dict[str, list[float]] = {}
    for heat in laid:
        shades.setdefault(heat.text, []).append(heat.strength)
    assert max(max(shade) - min(shade) for shade in shades.values()) < 0.02  # both are rounded
    assert max(heat.strength for heat in laid) == 1.0


def test_thresholds_that_are_left_out_are_told(found: Sensitivity) -> None:  # noqa: F811
    why = "the absolute weights of a decision must add up to at most 1.5."
    left = replace(found, refused={0.0: why, 0.0041: why, 0.02: "another reason."})
    assert f"Threshold 0, 0.0041: {why}\nThreshold 0.02: another reason.\n" in printed(left)
    assert re.search(r"Threshold 0, 0.0041.*the absolute weights", sensitivity_page(left).decode(), re.DOTALL)


def test_what_the_assumed_impact_does_alone_is_told(found: Sensitivity) -> None:  # noqa: F811
    impact = Failure("impact", 0.0, 1.0, 1, None, None, math.nan)
    capital = Failure("capital", 1e6, None, None, 1e7, 2, -0.3, assumed=True)
    text = printed(replace(found, failures=(impact, capital)))
    assert re.search(r"Impact coefficient +0 +1 +–", text)
    assert re.search(r"Capital \(impact assumed\) +1M +impact alone +10M", text)
    page = sensitivity_page(replace(found, failures=(impact, capital))).decode()
    assert "Impact is not declared" in page
    assert "Impact is not declared" not in sensitivity_page(replace(found, failures=(impact,))).decode()


def test_the_table_says_what_fails_first_and_what_is_absent(found: Sensitivity) -> None:  # noqa: F811
    text = printed(replace(found, absent={"threshold": "No step of the signal has a threshold."}))
    assert found.sentence.replace("-", "−") in text
    assert re.search(r"Capital \(impact assumed\) +1M +100M +320M", text)
    assert re.search(r"Impact coefficient +0 +– +–", text)
    assert re.search(r"Delay +none +– +–", text)
    assert "Threshold: No step of the signal has a threshold." in text
    assert f"{len(found.tried)} cells" in text


@pytest.mark.parametrize(
    ("point", "said"),
    [
        (BreakEven(2.0, 6.0, 3.0), "Nothing is left at 2.00 times the declared costs, or at 6.0 basis points per fill. Fills cost 3.0 basis points on average."),
        (BreakEven(0.0, 0.0, 3.0), "Nothing is left even without costs."),
        (BreakEven(math.inf, math.inf, math.nan), "No cost per fill takes everything."),
        (BreakEven(math.inf, 7.0, 0.1), "Nothing is left at 7.0 basis points per fill; 1,024 times the declared costs leave something. Fills cost 0.1 basis points on average."),
        (BreakEven(math.nan, math.nan, math.nan), "Nothing was traded."),
        (BreakEven(math.nan, 7.0, 0.0), "Nothing is left at 7.0 basis points per fill. Fills cost 0.0 basis points on average."),
    ],
)  # fmt: skip
def test_break_even_in_words(found: Sensitivity, point: BreakEven, said: str) -> None:  # noqa: F811
    assert break_even(replace(found, break_even=point)) == said


def test_capacity_in_words(found: Sensitivity) -> None:  # noqa: F811
    size = found.capacity
    assert size is not None
    whole = replace(found, capacity=replace(size, half=3.2e7, zero=1.36e8))
    assert capacity(whole) == (
        "With an impact coefficient of 1, which is assumed, half of the Sharpe ratio is left at 32M, and nothing of the"
        " Sharpe ratio is left at 136M."
    )
    assert capacity(replace(found, capacity=replace(size, half=math.inf, zero=math.inf))).endswith(
        "which is assumed, more than half of the Sharpe ratio is left even at 1G."
    )
    assert capacity(replace(found, capacity=replace(size, half=3.2e7, zero=math.inf))).endswith(
        "half of the Sharpe ratio is left at 32M, and something of the Sharpe ratio is left even at 1G."
    )
    assert capacity(replace(found, capacity=replace(size, half=3.2e7, zero=1.36e8, least=8.47e5))).endswith(
        "nothing of the Sharpe ratio is left at 136M. Less than 847k is too little."
    )
    assert capacity(replace(found, capacity=replace(size, half=0.0, zero=3.65e6))).endswith(
        "half or less of the Sharpe ratio is left at whatever capital was tried, and nothing of the Sharpe ratio is left at"
        " 3.65M."
    )
    assert capacity(replace(found, capacity=replace(size, half=0.0, zero=0.0, least=math.nan))).endswith(
        "which is assumed, nothing of the Sharpe ratio is left at whatever capital was tried."
    )
    assert capacity(replace(found, capacity=None)) == ""


def test_a_run_that_never_traded_has_a_page(finished: Run) -> None:  # noqa: F811
    assert finished.study is not None
    idle = sensitivity(run(replace(finished.study, signal=Sign(threshold=9.0))))
    text = sensitivity_page(idle).decode()  # without a warning of axes that have no height
    assert "Nothing was traded." in text
    assert not re.search(r"\bnan\b", text)
