"""Time to import quantml and to print its help, beside the packages that it uses only when they are needed.

``python -m benchmarks.startup [--small]``; each import is a fresh process, and the interpreter's own start, measured
in the same run, is taken off.
"""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial

from benchmarks._report import interleaved, show

STATEMENTS = {
    "quantml": "import quantml",
    "quantml --help": "import sys; sys.argv = ['quantml', '--help']; import quantml.cli; quantml.cli.main()",
    "pandas": "import pandas",
    "lightgbm": "import lightgbm",
    "statsmodels": "import statsmodels.api",
    "empyrical": "import empyrical",
}


def seconds(statement: str) -> float:
    """Time a fresh interpreter that runs `statement`, less one that runs nothing."""
    return _run(statement) - _run("pass")


def _run(statement: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    tasks = {name: partial(seconds, statement) for name, statement in STATEMENTS.items()}
    show("startup", interleaved(tasks, repeats=5 if "--small" in sys.argv else 15), unit="s", against="pandas")


if __name__ == "__main__":
    main()
