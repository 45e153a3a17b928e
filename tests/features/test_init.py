from __future__ import annotations

import subprocess
import sys

import quantml.features


def test_every_public_name_loads() -> None:
    for name in quantml.features.__all__:
        assert getattr(quantml.features, name).__name__ == name
    assert dir(quantml.features) == sorted(quantml.features.__all__)


def test_the_package_alone_imports_nothing_heavy() -> None:
    code = "import sys, quantml.features; print([m for m in ('pandas', 'numba', 'talib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
