"""Fixtures that every test folder shares."""

from pathlib import Path

import pytest

collect_ignore = ["laboratory"]  # study files, which tests/validation/audit reads

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference"


@pytest.fixture(scope="session")
def reference_dir() -> Path:
    """The folder of reference numbers from other programs and papers, beside the repository."""
    if not REFERENCE.is_dir():
        pytest.skip(f"the reference numbers are not at {REFERENCE}")
    return REFERENCE
