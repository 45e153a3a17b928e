"""What an audit says, in words and as plain values."""

from __future__ import annotations

import json

import pandas as pd

from quantml.validation.audit.findings import Audit, Earned, Leak, Notice

DAY = pd.Timestamp("2024-01-03")
LEAK = Leak("feature", "gap", "it reads ahead.", "A", DAY, 3, "close")


def found(**changes: object) -> Audit:
    parts = {"study": "s", "leaks": (), "notices": (), "cuts": (DAY, DAY + pd.Timedelta("20h")), "folds": (0,)}
    return Audit(**{**parts, **changes})  # type: ignore[arg-type]


def test_a_leak_and_a_notice_as_sentences() -> None:
    assert str(LEAK) == "feature gap: it reads ahead."
    assert str(Notice("history", "gap", "It hangs on more.")) == "history: It hangs on more."


def test_notices_alone_pass() -> None:
    assert found(notices=(Notice("history", "gap", "It hangs on more."),)).passed
    assert not found(leaks=(LEAK,)).passed


def test_it_is_complete_where_all_parts_could_be_audited() -> None:
    assert found(notices=(Notice("history", "gap", "It hangs on more."),)).complete
    for kind in ("not audited", "not reproducible"):
        assert not found(notices=(Notice(kind, "gap", "It fails."),)).complete


def test_the_scope_counts_moments_and_folds() -> None:
    text = "audit: the future cut off and exchanged at 2 moments"
    assert found().scope == f"A full {text}, and 1 fold fitted again."
    assert found(folds=(0, 4), full=False).scope == f"A light {text}, and 2 folds fitted again."
    assert found(folds=()).scope == f"A full {text}."


def test_plain_values() -> None:
    audit = found(
        leaks=(LEAK, Leak("code", "f", "it reads a file.")), earned=Earned(1.5, None, ("gap",), "none is left")
    )
    values = json.loads(json.dumps(audit.as_values()))
    assert [leak["first"] for leak in values["leaks"]] == ["2024-01-03", None]
    assert values["leaks"][0] | {"first": None} == {
        "stage": "feature", "part": "gap", "evidence": "it reads ahead.", "symbol": "A", "first": None, "ahead": 3, "reads": "close",
    }  # fmt: skip
    assert values["cuts"] == ["2024-01-03", "2024-01-03 20:00:00"]
    assert values["earned"] == {"sharpe_ratio": 1.5, "without": None, "features": ["gap"], "reason": "none is left"}
    assert (values["passed"], values["complete"], values["full"]) == (False, True, True)
    assert values["scope"] == audit.scope
