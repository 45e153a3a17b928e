"""Where a past changed with its future, and how that is told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from quantml.errors import FeatureError
from quantml.validation.audit.differences import Difference, compare, failure, failures_of, leaks_of, show
from quantml.validation.audit.worlds import Perturbed, Truncated
from tests.validation.audit.planted import only, only_notice

DAYS = pd.bdate_range("2024-01-01", periods=8)
CUT, OTHER = Truncated(DAYS[4]), Perturbed(DAYS[4], seed=0)
WAS = np.array([[np.nan, np.nan], [1.0, 1.5], [2.0, 2.5], [3.0, 3.5], [4.0, 4.5]])


def changed(*cells: tuple[int, int]) -> np.ndarray:
    now = WAS.copy()
    for row, column in cells:
        now[row, column] = 9.25
    return now


def told(*found: Difference) -> list[str]:
    return [leak.evidence for leak in leaks_of(found, DAYS, ("A", "B"))]


def test_the_first_row_and_symbol_that_changed() -> None:
    found = compare("feature", "gap", OTHER, WAS, changed((3, 1), (4, 0)))
    assert found is not None
    assert (found.stage, found.part, found.known) == ("feature", "gap", 5)
    assert (found.row, found.column, found.begins) == (3, 1, 1)
    assert found.ahead == 2  # row 3 hangs on row 5, the first that came otherwise
    assert not found.whole


def test_nothing_where_nothing_changed() -> None:
    assert compare("feature", "gap", OTHER, WAS, WAS.copy()) is None


def test_whole_where_the_first_value_changed() -> None:
    found = compare("feature", "gap", OTHER, WAS, changed((1, 0)))
    assert found is not None
    assert found.whole
    assert not Difference("feature", "gap", OTHER, known=5, row=4, begins=4).whole  # its only value is its newest


def test_what_has_no_row_reads_no_known_way_ahead() -> None:
    assert Difference("tuning", "Tuning", OTHER, 5).ahead is None


def test_it_says_how_far_where_and_how_that_was_seen() -> None:
    near = Difference("feature", "gap", OTHER, known=5, row=4, column=1)
    far = Difference("feature", "gap", CUT, known=5, row=3, column=0)
    assert told(near) == [
        "it reads at least 1 row ahead: its value on 2024-01-05 for B changed when, from 2024-01-05 on, what came after it"
        " was changed."
    ]
    assert told(near, far) == [
        "it reads at least 2 rows ahead: its value on 2024-01-04 for A changed when, from 2024-01-05 on, the bars after it"
        " were left out."
    ]


def test_it_counts_moments_not_worlds() -> None:
    late = Perturbed(DAYS[5], seed=0)
    found = [Difference("feature", "gap", world, known=5, row=4) for world in (OTHER, CUT, late)]
    assert told(*found)[0].endswith("was changed (so at 2 moments).")


def test_the_whole_sample_is_said_to_be() -> None:
    found = Difference("signal", "", OTHER, known=5, row=0, begins=0)
    assert told(found)[0].startswith("it reads the whole sample: its value on 2024-01-01 changed when")


def test_each_part_is_told_once_with_what_was_measured() -> None:
    found = [
        Difference("feature", "gap", CUT, known=5, row=4, column=1),
        Difference("feature", "gap", OTHER, known=5, row=2, column=0, reads="close"),
        Difference("target", "gap", OTHER, known=5, evidence="as it stands."),
        Difference("feature", "gap", CUT, known=5),
    ]
    feature, target = leaks_of(found, DAYS, ("A", "B"))
    assert (feature.symbol, feature.first, feature.ahead, feature.reads) == ("A", DAYS[2], 3, "close")
    assert (target.stage, target.evidence) == ("target", "as it stands.")
    assert (target.symbol, target.first, target.ahead) == ("", None, None)


def test_without_a_row_it_says_when() -> None:
    assert told(Difference("fold", "0", CUT, 5)) == [
        "it changed when, from 2024-01-05 on, the bars after it were left out."
    ]


def test_a_part_that_fails_on_fewer_bars_leaks() -> None:
    found = only(failure("feature", "gap", CUT, 5, FeatureError("it broke")))
    assert found.evidence == "it fails when the bars end on 2024-01-05: it broke."


def test_only_what_fails_at_every_moment_that_was_tried_leaks() -> None:
    ends = [next(iter(failure("feature", "gap", Truncated(day), 5, FeatureError("it broke")))) for day in DAYS[2:5]]
    other = Difference("feature", "other", OTHER, 5)
    found = [other, *ends]
    assert failures_of(found, DAYS[2:5]) == (found, [])
    for tried in (DAYS[1:5], DAYS[2:6], DAYS[[2, 3, 4, 6]]):  # it went well on another day
        kept, (notice,) = failures_of(found, tried)
        assert kept == [other]
        assert (notice.kind, notice.text) == ("not audited", f"gap: {ends[0].evidence}")
    assert failures_of(found, DAYS[3:5])[0] == found  # and at a moment that was not one of those
    assert failures_of(ends[:1], DAYS[2:3])[0] == []  # one moment cannot tell


def test_a_part_that_fails_on_other_prices_was_not_audited() -> None:
    notice = only_notice(failure("feature", "gap", OTHER, 5, FeatureError("it broke")))
    assert (notice.kind, notice.part) == ("not audited", "gap")
    assert notice.text == "Where prices after 2024-01-05 are others, it fails: it broke."
    assert not list(failure("feature", "gap", Perturbed(DAYS[4], 0, gaps=True), 5, FeatureError("it broke")))


@pytest.mark.parametrize(("moment", "text"), [("2024-01-05", "2024-01-05"), ("2024-01-05 15:30", "2024-01-05 15:30")])
def test_sessions_are_shown_as_dates(moment: str, text: str) -> None:
    assert show(pd.Timestamp(moment)) == text
